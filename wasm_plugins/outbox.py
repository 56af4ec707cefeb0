"""Writes what must outlive the caller's transaction: on a thread with a connection of its own, in batches."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, TypeVar

from django.db import DatabaseError, InterfaceError, connections, router

from .models import AuditEntry

Write = Callable[[list[Any]], None]
"""Writes several things of one kind, in a transaction of its own."""

MOST_WAITING: Final = 10_000
"""How many things may wait; whoever has one more writes it himself."""

_BATCH: Final = 500
_GATHER_S: Final = 0.02
_IDLE_S: Final = 2.0
_PAUSES_S: Final = (0.2, 1.0, 5.0)
_AT_EXIT_S: Final = 5.0

_Found = TypeVar("_Found")

logger = logging.getLogger(__name__)


class Outbox:
    """What waits to be written, and the thread that writes it; the thread ends when it has nothing to do."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew: in a forked process, where what waits is the parent's to write, and the thread is not there."""
        self._waiting: deque[tuple[Write, Any]] = deque()
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether there is anything that is not written yet."""
        return bool(self._waiting) or self._writing.locked()

    def put(self, write: Write, thing: Any) -> None:
        """Have something written soon; returns at once, unless too much waits already."""
        is_tested = _is_in_tests_transaction()  # whose rows no other connection sees, so there is no thread for it
        with self._changed:
            is_taken = len(self._waiting) < MOST_WAITING
            if is_taken:
                self._waiting.append((write, thing))
                if not is_tested:
                    self._wake()
        if not is_taken:
            _write_batch(write, [thing])
        elif is_tested:
            self.flush()

    def put_now(self, write: Write, thing: Any) -> None:
        """Write something before this returns if the caller has no transaction open, else have it written soon."""
        if _is_in_transaction():
            self.put(write, thing)
        else:
            _write_batch(write, [thing])

    def ask(self, act: Callable[[], _Found], *, timeout_s: float) -> _Found | None:
        """Do something outside the caller's transaction, and return what it returned.

        Blocks until it is done, for ``timeout_s`` at most; ``None`` when it is not done by then, or failed.
        """
        if _is_in_tests_transaction():
            return act()
        found: list[_Found] = []
        is_done = threading.Event()

        def answer(_: list[Any]) -> None:
            try:
                found.append(act())
            finally:
                is_done.set()

        self.put_now(answer, None)
        is_done.wait(timeout_s)
        return found[0] if found else None

    def flush(self, timeout_s: float = _AT_EXIT_S) -> None:
        """Write all that waits on the caller's connection, unless he has a transaction open.

        For the end of a process that may not come to its exit. Blocks until it is written, and for ``timeout_s`` at
        most where the thread is at it.
        """
        if not self.is_waiting or _is_in_transaction() or not self._writing.acquire(timeout=timeout_s):
            return  # the thread is at it
        try:
            while batch := self._take():
                _write_batch(*batch)
        finally:
            self._writing.release()

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="wasm-plugins-outbox", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _work(self) -> None:
        try:
            while self._is_needed():
                time.sleep(_GATHER_S)
                with self._writing:
                    if batch := self._take():
                        _write_patiently(*batch)
        finally:
            connections.close_all()  # of this thread

    def _is_needed(self) -> bool:
        with self._changed:
            if not self._waiting:
                self._changed.wait(_IDLE_S)
            if not self._waiting:
                self._thread = None
            return self._thread is not None

    def _take(self) -> tuple[Write, list[Any]] | None:
        """Take what comes next, with all of its kind that follows at once."""
        with self._changed:
            for write, same in groupby(list(self._waiting)[:_BATCH], key=itemgetter(0)):
                things = [thing for _, thing in same]
                for _ in things:
                    self._waiting.popleft()
                return write, things
        return None


def _write_patiently(write: Write, things: list[Any]) -> None:
    """Write, again if the database is away; at last say in the log what is lost."""
    for pause_s in _PAUSES_S:
        try:
            write(things)
            return
        except (DatabaseError, InterfaceError) as error:
            logger.warning("what plugins did is not written yet: %s", error)
            connections.close_all()
            time.sleep(pause_s)
        except Exception:
            _say_lost(things)
            return
    _write_batch(write, things)


def _write_batch(write: Write, things: list[Any]) -> None:
    try:
        write(things)
    except Exception:
        _say_lost(things)


def _say_lost(things: list[Any]) -> None:
    logger.exception("could not be written, and is lost: %s", "; ".join(map(str, things))[:10_000])


def _connection() -> Any:
    return connections[router.db_for_write(AuditEntry)]


def _is_in_transaction() -> bool:
    """Tell whether the caller has a transaction open; that of a ``TestCase`` is none of his."""
    connection = _connection()
    return bool(connection.in_atomic_block and not _is_tests(connection.atomic_blocks[-1:]))


def _is_in_tests_transaction() -> bool:
    """Tell whether a ``TestCase`` is around: nothing that it wrote is seen from another connection, ever."""
    return _is_tests(_connection().atomic_blocks[:1])


def _is_tests(blocks: list[Any]) -> bool:
    return any(getattr(block, "_from_testcase", False) for block in blocks)


outbox: Final = Outbox()
os.register_at_fork(after_in_child=outbox.reset)
atexit.register(outbox.flush)
