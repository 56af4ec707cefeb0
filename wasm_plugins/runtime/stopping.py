"""Lets another thread end the calls of a block before their time: noticed within a fraction of a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

LOOK_S: Final = 0.25
"""How often a call that computes, or sleeps, looks whether it is wanted, in seconds."""


class Stop:
    """Asked for by one thread and noticed by another; there is no way back."""

    def __init__(self) -> None:
        self.is_asked = False

    def ask(self) -> None:
        """Have the calls end that look at this; returns at once."""
        self.is_asked = True


_stop: Final[ContextVar[Stop | None]] = ContextVar("wasm_plugins_stop", default=None)


@contextmanager
def stoppable(stop: Stop) -> Iterator[None]:
    """Have the calls of a block end with ``CallStopped`` once somebody asks for it."""
    token = _stop.set(stop)
    try:
        yield
    finally:
        _stop.reset(token)


def current_stop() -> Stop | None:
    """Return what the calls of this thread look at, or ``None`` where nobody can stop them."""
    return _stop.get()
