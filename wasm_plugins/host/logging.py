"""``wasi:logging/logging``: lines for the call's log."""

from __future__ import annotations

from ..runtime.contract import LOGGING
from ..runtime.offer import offer
from ..runtime.state import CallState


def _log(state: CallState, level: str, context: str, message: str) -> None:
    state.log.write(level, f"{context}: {message}" if context else message)


INTERFACE = offer(LOGGING, {"log": _log}, needs_caller=False)
