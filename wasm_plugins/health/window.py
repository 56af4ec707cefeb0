"""Counts how the last calls of one version went, in this process."""

from __future__ import annotations

import time
from collections import deque
from typing import Final

MOST_CALLS: Final = 1_000
"""Calls that are remembered at most."""

LEAST_CALLS: Final = 20
"""How many there must be in the window before their share counts."""


class Window:
    """The last calls; safe to use from many threads."""

    __slots__ = ("_calls", "_in_a_row")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget them."""
        self._calls: deque[tuple[float, bool]] = deque(maxlen=MOST_CALLS)
        self._in_a_row: deque[float] = deque(maxlen=MOST_CALLS)

    def add_success(self) -> None:
        """Note a good call: it ends a row of bad ones."""
        self._calls.append((time.monotonic(), False))
        if self._in_a_row:
            self._in_a_row.clear()

    def add_failure(self) -> None:
        """Note a bad call."""
        now = time.monotonic()
        self._calls.append((now, True))
        self._in_a_row.append(now)

    def is_too_bad(self, *, failures: int, window_s: int) -> bool:
        """Tell whether so many calls in a row failed within the window, or half of at least twenty."""
        since = time.monotonic() - window_s
        if sum(at >= since for at in list(self._in_a_row)) >= failures:
            return True
        recent = [failed for at, failed in list(self._calls) if at >= since]
        return len(recent) >= LEAST_CALLS and 2 * sum(recent) >= len(recent)
