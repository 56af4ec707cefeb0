"""``plugins-manager:tasks/run``: which run of a task a call is, so that what it tells others may happen once."""

from __future__ import annotations

from ..runtime.contract import RUN
from ..runtime.offer import offer
from ..runtime.state import CallState
from ..runtime.values import Err, Ok
from .context import context_of

_NO_RUN = "this call is no run of a task"


def _idempotency_key(state: CallState) -> Ok | Err:
    run = context_of(state).run
    return Err(_NO_RUN) if run is None else Ok(run.idempotency_key)


def _attempt(state: CallState) -> Ok | Err:
    run = context_of(state).run
    return Err(_NO_RUN) if run is None else Ok(run.attempt)


INTERFACE = offer(RUN, {"idempotency-key": _idempotency_key, "attempt": _attempt})
