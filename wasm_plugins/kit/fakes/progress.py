"""``plugins-manager:tasks/progress``: what a task reports is kept and shown."""

from __future__ import annotations

from wasm_plugins.runtime.contract import PROGRESS
from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.values import Err, Ok

from .fake_host import host_of
from .recorded import offer_recorded


def _report(state: CallState, percent: int, message: str) -> Ok | Err:
    host = host_of(state)
    if not host.is_task:
        return Err("this call is no task")
    if percent > 100:
        return Err(f"{percent} percent is more than 100")
    host.progress.append((percent, message[:255]))
    return Ok()


INTERFACE = offer_recorded(PROGRESS, {"report": _report})
