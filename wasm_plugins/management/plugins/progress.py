"""Says on standard error what takes longer than a second, and how long it took."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from .answer import size_text

_PATIENCE_S: Final = 1.0


@contextmanager
def compiling(name: str, size_bytes: int) -> Iterator[None]:
    """Say ``compiling loyalty (19 MB)... 9.1 s``, if it takes that long."""
    started = time.monotonic()
    is_said = threading.Event()

    def say() -> None:
        _say(f"compiling {name} ({size_text(size_bytes)})...")
        is_said.set()

    timer = threading.Timer(_PATIENCE_S, say)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        if is_said.is_set():
            _say(f" {time.monotonic() - started:.1f} s\n")


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
