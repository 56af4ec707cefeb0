"""Moves an engine's epoch with the clock, so that a deadline is wall-clock time whatever else the process does."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

PERIOD_S: Final = 0.005
"""Time between two ticks: the finest step of a deadline."""


class Ticker:
    """Counts ticks by the monotonic clock, on a thread that sleeps while nothing is running.

    A ticker that counted its own wake-ups would starve when busy Python threads hold the interpreter; this one adds
    as many ticks as are due. A deadline is an absolute tick, so a late ticker shortens nobody's budget.
    """

    def __init__(self, increment: Callable[[], None]) -> None:
        self._increment: Final = increment
        self.reset()

    def reset(self) -> None:
        """Start over without the old thread and locks, as a forked child must."""
        self._wakeup = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._running = 0
        self._origin = 0.0
        self._ticks = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keep the clock moving while the block runs."""
        with self._wakeup:
            self._running += 1
            if self._running == 1:
                self._start()
        try:
            yield
        finally:
            with self._wakeup:
                self._running = max(0, self._running - 1)  # a block that was open across a fork counts no more

    def ticks_until(self, at: float) -> int:
        """Return how many ticks lie between the engine's epoch and a moment of ``time.monotonic()``; at least 1."""
        with self._wakeup:
            due = math.floor((at - self._origin) / PERIOD_S) + 1
            return max(1, due - self._ticks)

    def _start(self) -> None:
        self._origin, self._ticks = time.monotonic(), 0
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="wasm-plugins-ticker", daemon=True)
            self._thread.start()
        else:
            self._wakeup.notify()

    def _run(self) -> None:
        wakeup = self._wakeup
        while True:
            with wakeup:
                while self._running == 0:
                    wakeup.wait()
                due = math.floor((time.monotonic() - self._origin) / PERIOD_S)
                while self._ticks < due:
                    self._increment()
                    self._ticks += 1
            time.sleep(PERIOD_S)
