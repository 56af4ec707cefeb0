"""``plugins-manager:tasks/run``: a task that is called here is an attempt of a run of its own."""

from __future__ import annotations

from wasm_plugins.runtime.contract import RUN
from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.values import Err, Ok

from .fake_host import host_of
from .recorded import offer_recorded

_NO_RUN = Err("this call is no run of a task")


def _idempotency_key(state: CallState) -> Ok | Err:
    host = host_of(state)
    return Ok(host.idempotency_key) if host.is_task else _NO_RUN


def _attempt(state: CallState) -> Ok | Err:
    host = host_of(state)
    return Ok(host.attempt) if host.is_task else _NO_RUN


INTERFACE = offer_recorded(RUN, {"idempotency-key": _idempotency_key, "attempt": _attempt})
