"""Says on standard error how far an upload is, if it takes longer than a second."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from wasm_plugins.kit.output import size_text, tell

_PATIENCE_S: Final = 1.0
_EVERY_S: Final = 0.5


class Sending:
    """One upload while it goes on; safe to be told from other threads."""

    def __init__(self, name: str, size_bytes: int) -> None:
        self._name, self._size_bytes = name, size_bytes
        self._sent = 0
        self._said_at = time.monotonic() + _PATIENCE_S - _EVERY_S
        self._lock = threading.Lock()
        self._waiting: threading.Timer | None = None

    def sent(self, count: int) -> None:
        """Take how many bytes are sent by now."""
        with self._lock:
            self._take(count)

    def more(self, count: int) -> None:
        """Take how many bytes more are sent."""
        with self._lock:
            self._take(self._sent + count)

    def close(self) -> None:
        """Say nothing more."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting.join()

    def _take(self, count: int) -> None:
        self._sent = count
        now = time.monotonic()
        is_done = count >= self._size_bytes
        if now - self._said_at >= _EVERY_S and not is_done:
            self._said_at = now
            tell(f"uploading {self._name}: {size_text(count)} of {size_text(self._size_bytes)}")
        if is_done and self._waiting is None:
            self._waiting = threading.Timer(_PATIENCE_S, tell, [f"{self._name} is sent; the server checks it …"])
            self._waiting.daemon = True
            self._waiting.start()


@contextmanager
def sending(name: str, size_bytes: int) -> Iterator[Sending]:
    """Show how far an upload is while the block runs."""
    shown = Sending(name, size_bytes)
    try:
        yield shown
    finally:
        shown.close()
        sys.stderr.flush()
