"""Stop in order on Ctrl-C and SIGTERM, once, without being interrupted while stopping."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType

from project.stack.parts import PartFailed
from project.stack.processes import Child

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopAsked(BaseException):
    """Somebody wants us to stop. No ``Exception``, so that nothing on the way handles it by accident."""


@contextlib.contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Turn the first signal into ``StopAsked`` inside the block, and leave the block quietly on it."""

    def ask(number: int, frame: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        with contextlib.suppress(OSError, ValueError):  # it may be closed; print could be what was interrupted
            os.write(sys.stdout.fileno(), "stopping …\n".encode())
        raise StopAsked

    before = {each: signal.signal(each, ask) for each in _SIGNALS}
    try:
        yield
    except StopAsked:
        pass
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def wait_for_ever(children: list[Child]) -> None:
    """Block until a signal comes.

    Raises:
        PartFailed: One of the children ended by itself.
    """
    while True:
        for child in children:
            if child.process.poll() is not None:
                raise PartFailed(child.name, f"ended by itself\n{child.last_lines()}")
        time.sleep(0.5)
