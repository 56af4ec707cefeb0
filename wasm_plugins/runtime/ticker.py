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

    Only plain locks, no ``Condition``: a job timeout that is raised inside ``Condition.__enter__``, which is Python,
    would leave the lock held, and every later call would wait for it for ever (seen).
    """

    def __init__(self, increment: Callable[[], None]) -> None:
        self._increment: Final = increment
        self.reset()

    def reset(self) -> None:
        """Start over without the old thread and locks, as a forked child must."""
        self._lock = threading.Lock()
        self._gate = threading.Lock()  # held for ever; the thread sleeps on it until somebody lets go
        self._gate.acquire()
        self._thread: threading.Thread | None = None
        self._is_asleep = False
        self._running = 0
        self._origin = 0.0
        self._ticks = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keep the clock moving while the block runs."""
        with self._lock:
            if self._running == 0 or self._thread is None or not self._thread.is_alive():
                self._start()  # counts only once it stands: a thread that cannot start must not cost later calls theirs
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running = max(0, self._running - 1)  # a block that was open across a fork counts no more

    def ticks_until(self, at: float) -> int:
        """Return how many ticks lie between the engine's epoch and a moment of ``time.monotonic()``; at least 1."""
        with self._lock:
            due = math.floor((at - self._origin) / PERIOD_S) + 1
            return max(1, due - self._ticks)

    def _start(self) -> None:
        self._origin, self._ticks = time.monotonic(), 0
        if self._is_asleep:
            self._is_asleep = False
            self._gate.release()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="wasm-plugins-ticker", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._running:
                    self._catch_up()
                else:
                    self._is_asleep = True
                sleep = self._is_asleep
            if sleep:
                self._gate.acquire()
            else:
                time.sleep(PERIOD_S)

    def _catch_up(self) -> None:
        due = math.floor((time.monotonic() - self._origin) / PERIOD_S)
        while self._ticks < due:
            self._increment()
            self._ticks += 1
