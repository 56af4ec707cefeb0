"""The clock on our side of a connection, behind the server's own timeout: it cancels, and then it cuts.

``statement_timeout`` is the server's promise, and a server that is stopped, overloaded or out of reach keeps none.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from operator import attrgetter
from typing import Any, Final

import psycopg

from ...runtime.stopping import current_stop
from .errors import StatementCut

CANCEL_AFTER_MS: Final = 100
"""How long after the limit a statement is cancelled; the server's own timeout comes first, and mostly suffices."""

CUT_AFTER_MS: Final = 1_000
"""How long after the limit the connection is cut."""

_CANCEL_S: Final = 0.5
_LOOK_S: Final = 0.1
"""Seconds between two looks. To wake the thread for each statement would cost more than the statement."""
_IDLE_LOOKS: Final = 50
"""Looks in a row without a statement, after which the thread sleeps until there is one."""


class ConnectionCut(StatementCut, psycopg.OperationalError):
    """What whoever waits for a statement gets when its connection was cut."""


class _Watch:
    """One statement that is being watched."""

    def __init__(self, raw: Any, limit_at: float) -> None:
        self.raw = raw
        self.cancel_at = limit_at + CANCEL_AFTER_MS / 1_000
        self.cut_at = limit_at + CUT_AFTER_MS / 1_000
        self.is_cancelled = False
        self.is_busy = False
        self.is_told = False
        self.is_cut = False
        self._stop = current_stop()

    @property
    def is_unwanted(self) -> bool:
        """Whether somebody stopped the call that waits for it."""
        return self._stop is not None and self._stop.is_asked


class Watchdog:
    """One thread for all statements of a process, started with the first."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: set[_Watch] = set()
        self._thread: threading.Thread | None = None
        self._is_asleep = False

    def add(self, raw: Any, budget_ms: int) -> _Watch:
        """Watch a connection from now on."""
        watch = _Watch(raw, time.monotonic() + budget_ms / 1_000)
        with self._changed:
            self._watches.add(watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wasm-plugins-sql-watchdog", daemon=True)
                self._thread.start()
            elif self._is_asleep:
                self._changed.notify_all()
        return watch

    def remove(self, watch: _Watch) -> None:
        """Watch it no longer. A cancellation on its way is waited for, or it could hit the host's next statement."""
        with self._changed:
            self._watches.discard(watch)
            while watch.is_busy:
                self._changed.wait()

    def _run(self) -> None:
        idle_looks = 0
        while True:
            with self._changed:
                watch = self._to_cut() or self._to_cancel()
                if watch is None:
                    idle_looks = 0 if self._watches else idle_looks + 1
                    self._is_asleep = idle_looks > _IDLE_LOOKS
                    self._changed.wait(None if self._is_asleep else _LOOK_S)
                    continue
                if watch.is_cut:
                    self._watches.discard(watch)
                    _cut(watch.raw)  # under the lock: the statement's own thread cannot close the socket meanwhile
                    continue
                watch.is_cancelled = watch.is_busy = True
            try:
                watch.is_told = _cancel(watch.raw)
            finally:
                with self._changed:
                    watch.is_busy = False
                    self._changed.notify_all()

    def _to_cut(self) -> _Watch | None:
        """Return a connection whose time is quite over, cancelled or not: to cut takes no time, to cancel may."""
        now = time.monotonic()
        watch = next((watch for watch in self._watches if watch.cut_at <= now), None)
        if watch is not None:
            watch.is_cut = True
        return watch

    def _to_cancel(self) -> _Watch | None:
        """Return the statement that has waited longest for its cancellation; one at a time, then cuts come first."""
        now = time.monotonic()
        due = [
            watch for watch in self._watches if not watch.is_cancelled and (watch.cancel_at <= now or watch.is_unwanted)
        ]
        return min(due, key=attrgetter("cancel_at"), default=None)


def _cancel(raw: Any) -> bool:
    """Have the server cancel what it does, and tell whether it took that request."""
    try:
        raw.cancel_safe(timeout=_CANCEL_S)
    except (psycopg.Error, OSError):
        return False
    return True


def _cut(raw: Any) -> None:
    """End a connection whose server does not answer; whoever waits for it gets an error at once."""
    with contextlib.suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(raw.fileno())) as ours:
        ours.shutdown(socket.SHUT_RDWR)


_watchdog = Watchdog()


def _start_anew() -> None:
    global _watchdog
    _watchdog = Watchdog()


os.register_at_fork(after_in_child=_start_anew)


@contextlib.contextmanager
def watched(raw: Any, budget_ms: int) -> Iterator[None]:
    """Bound the time that the block's statements take, whatever the server does.

    Args:
        raw: The connection of psycopg.
        budget_ms: After this and ``CANCEL_AFTER_MS`` the statement is cancelled, after this and ``CUT_AFTER_MS`` the
            connection is cut.

    Raises:
        ConnectionCut: It was cut, although the server was there and was told to cancel the statement.
    """
    watchdog = _watchdog
    watch = watchdog.add(raw, budget_ms)
    try:
        yield
    except psycopg.Error as error:
        if watch.is_cut and watch.is_told:  # else the server is away, for everybody
            raise ConnectionCut(*error.args) from error
        raise
    finally:
        watchdog.remove(watch)
