"""``wasi:logging/logging``: lines for the call's log, as in the real host."""

from __future__ import annotations

from wasm_plugins.runtime.contract import LOGGING
from wasm_plugins.runtime.offer import offer
from wasm_plugins.runtime.state import CallState


def _log(state: CallState, level: str, context: str, message: str) -> None:
    state.log.write(level, f"{context}: {message}" if context else message)


INTERFACE = offer(LOGGING, {"log": _log}, needs_caller=False)
