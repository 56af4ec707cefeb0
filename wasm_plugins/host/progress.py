"""``plugins-manager:tasks/progress``: how far a task has come, seen while it runs."""

from __future__ import annotations

from ..runtime.contract import PROGRESS
from ..runtime.offer import offer
from ..runtime.state import CallState
from ..runtime.values import Err, Ok
from .context import context_of

MESSAGE_CHARS = 255


def _report(state: CallState, percent: int, message: str) -> Ok | Err:
    report = context_of(state).report
    if report is None:
        return Err("this call is no task")
    if percent > 100:
        return Err(f"{percent} percent is more than 100")
    report(percent, state.log.redactor.redact_start(message, MESSAGE_CHARS))
    return Ok()


INTERFACE = offer(PROGRESS, {"report": _report})
