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

LATE_S: Final = 0.1
"""How long ago the last tick may be when a call begins, before the call makes those that are due itself."""

STUCK_S: Final = 1.0
"""How long the thread may have had no turn, before a call that begins puts another one in its place."""


class Ticker:
    """Counts ticks by the monotonic clock, on a thread that sleeps while nothing is running.

    A ticker that counted its own wake-ups would starve when busy Python threads hold the interpreter; this one adds
    as many ticks as are due. A deadline is an absolute tick, so a late ticker shortens nobody's budget. Each call that
    begins looks whether the thread does its work, and does it or replaces it where not: a call without a clock would
    have no end.

    Only plain locks, no ``Condition``: a job timeout that is raised inside ``Condition.__enter__``, which is Python,
    would leave the lock held, and every later call would wait for it for ever (seen).
    """

    def __init__(self, increment: Callable[[], None]) -> None:
        self._increment: Final = increment
        self.reset()

    def reset(self) -> None:
        """Start over without the old thread and locks, as a forked child must."""
        self._lock = threading.Lock()
        self._gate = _closed_gate()
        self._thread: threading.Thread | None = None
        self._turned_at = 0.0
        self._ticked_at = 0.0
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
            else:
                self._watch()
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
        self._ticked_at = self._turned_at = self._origin
        if self._is_asleep:
            self._is_asleep = False
            self._gate.release()
        if self._thread is None or not self._thread.is_alive():
            self._begin_thread()

    def _begin_thread(self) -> None:
        """Let a new thread tick; an older one ends at its next turn.

        Raises:
            RuntimeError: The process can have no more threads, so no call may begin.
        """
        gate = _closed_gate()
        thread = threading.Thread(target=self._run, args=[gate], name="wasm-plugins-ticker", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            # So ends Python's own waiting for the thread where a signal's handler raises in the midst of it.
            if error.__context__ is None or "unlocked lock" not in str(error):
                raise
            raise error.__context__ from None
        self._thread, self._gate, self._is_asleep = thread, gate, False
        self._turned_at = time.monotonic()

    def _watch(self) -> None:
        now = time.monotonic()
        if now - self._ticked_at > LATE_S:
            self._catch_up()
        if now - self._turned_at > STUCK_S:
            self._begin_thread()

    def _run(self, gate: threading.Lock) -> None:
        while True:
            with self._lock:
                if self._gate is not gate:
                    return
                self._turned_at = time.monotonic()
                if self._running:
                    self._catch_up()
                else:
                    self._is_asleep = True
                sleep = self._is_asleep
            if sleep:
                gate.acquire()
            else:
                time.sleep(PERIOD_S)

    def _catch_up(self) -> None:
        self._ticked_at = time.monotonic()
        due = math.floor((self._ticked_at - self._origin) / PERIOD_S)
        while self._ticks < due:
            self._increment()
            self._ticks += 1


def _closed_gate() -> threading.Lock:
    """Return a lock that is held until the thread that sleeps on it is wanted."""
    gate = threading.Lock()
    gate.acquire()
    return gate
