"""Writes what must outlive the caller's transaction: on a thread with a connection of its own, in batches.

What cannot be written, since the database is away or somebody else writes to SQLite for long, waits: it is tried again
as long as the process lives, and the oldest is given up only when too much waits.
"""

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

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, ProgrammingError, connections, router

from .asking import Question
from .models import AuditEntry

Write = Callable[[list[Any]], None]
"""Writes several things of one kind, in a transaction of its own."""

MOST_WAITING: Final = 10_000
"""How many things may wait; whoever has one more writes it himself, unless the database takes nothing."""

_BATCH: Final = 500
_GATHER_S: Final = 0.02
_IDLE_S: Final = 2.0
_PAUSES_S: Final = (0.2, 1.0, 5.0, 15.0)
"""How long to wait after the first, second, … failure in a row; the last pause is for all that follow."""
_OF_THE_ROWS: Final = (DataError, IntegrityError, ProgrammingError)
"""Errors that no waiting mends, or only the end of a migration: tried again as often as there are pauses."""
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
        self._later: list[tuple[float, Write, Any]] = []
        self._changed = threading.Condition()
        self._failures = 0
        self._row_failures = 0
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether there is anything that is not written yet."""
        return bool(self._waiting or self._later) or self._writing.locked()

    def put(self, write: Write, thing: Any) -> None:
        """Have something written soon; returns at once, unless too much waits already."""
        is_tested = _is_in_tests_transaction()  # whose rows no other connection sees, so there is no thread for it
        with self._changed:
            given_up = self._drop_oldest(room=1) if self._failures else []
            is_taken = len(self._waiting) < MOST_WAITING
            if is_taken:
                self._waiting.append((write, thing))
                if not is_tested:
                    self._wake()
        _say_given_up(given_up)
        if not is_taken:
            _write_batch(write, [thing])
        elif is_tested:
            self.flush()

    def put_later(self, write: Write, thing: Any) -> None:
        """Have something written within a few seconds, or when the process ends; returns at once.

        For what goes on growing meanwhile, so that one write does for all of it. Its maker puts it but once at a time.
        """
        is_tested = _is_in_tests_transaction()
        with self._changed:
            self._later.append((time.monotonic() + _IDLE_S, write, thing))
            if self._thread is None and not is_tested:
                self._wake()

    def _come_due(self, *, all_of_it: bool) -> None:
        now = time.monotonic()
        due = [each for each in self._later if all_of_it or each[0] <= now]
        self._later = [each for each in self._later if each not in due]
        self._waiting.extend((write, thing) for _, write, thing in due)

    def _drop_oldest(self, room: int) -> list[Any]:
        """Make room for so much more, and then for some time to come; return what was given up for it."""
        if len(self._waiting) + room <= MOST_WAITING:
            return []
        return [self._waiting.popleft()[1] for _ in range(len(self._waiting) - MOST_WAITING * 19 // 20)]

    def put_now(self, write: Write, thing: Any) -> None:
        """Write something before this returns if the caller has no transaction open, else have it written soon.

        Where the database takes nothing just now, it is written later in any case.
        """
        if _is_in_transaction():
            self.put(write, thing)
            return
        try:
            write([thing])
        except (DatabaseError, InterfaceError) as error:
            if _is_in_tests_transaction() or isinstance(error, _OF_THE_ROWS):
                _say_lost([thing])
            else:
                logger.warning("what plugins did is not written yet: %s", error)
                self.put(write, thing)
        except Exception:
            _say_lost([thing])

    def ask(
        self, act: Callable[[], _Found], *, timeout_s: float, undo: Callable[[_Found], object] | None = None
    ) -> _Found | None:
        """Do something outside the caller's transaction, and return what it returned.

        Blocks until it is done, for ``timeout_s`` at most; ``None`` when it is not done by then, or failed. It is not
        begun any more then, and what has begun is undone when it ends.

        Args:
            act: What to do.
            timeout_s: How long to wait.
            undo: Called with what ``act`` returned when nobody waits for that any more.
        """
        if _is_in_tests_transaction():
            return act()
        question = Question(act, undo)
        self.put_now(_answer, question)
        return question.wait(timeout_s)

    def flush(self, timeout_s: float = _AT_EXIT_S) -> None:
        """Write all that waits on the caller's connection, unless he has a transaction open.

        For the end of a process that may not come to its exit. Blocks until it is written, and for ``timeout_s`` at
        most where the thread is at it.
        """
        if not self.is_waiting or _is_in_transaction() or not self._writing.acquire(timeout=timeout_s):
            return  # the thread is at it
        try:
            with self._changed:
                self._come_due(all_of_it=True)
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
                        self._try(*batch)
                if self._failures:  # outside of the lock: who ends the process may write meanwhile
                    time.sleep(_PAUSES_S[min(self._failures, len(_PAUSES_S)) - 1])
        finally:
            connections.close_all()  # of this thread

    def _try(self, write: Write, things: list[Any]) -> None:
        """Write a batch, or have it wait; at last say in the log what is lost."""
        try:
            write(things)
        except (DatabaseError, InterfaceError) as error:
            self._failures += 1
            self._row_failures += isinstance(error, _OF_THE_ROWS)
            if self._row_failures > len(_PAUSES_S):
                self._failures = self._row_failures = 0
                _say_lost(things)
                return
            logger.warning("what plugins did is not written yet: %s", error)
            connections.close_all()
            self._put_back(write, things)
        except Exception:
            self._failures = self._row_failures = 0
            _say_lost(things)
        else:
            self._failures = self._row_failures = 0

    def _put_back(self, write: Write, things: list[Any]) -> None:
        with self._changed:
            self._waiting.extendleft((write, thing) for thing in reversed(things))
            given_up = self._drop_oldest(room=0)
        _say_given_up(given_up)

    def _is_needed(self) -> bool:
        with self._changed:
            if not self._waiting:
                self._changed.wait(_IDLE_S)
            self._come_due(all_of_it=not self._waiting)
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


def _answer(questions: list[Question[Any]]) -> None:
    for question in questions:
        question.answer()


def _write_batch(write: Write, things: list[Any]) -> None:
    try:
        write(things)
    except Exception:
        _say_lost(things)


def _say_lost(things: list[Any]) -> None:
    logger.exception("could not be written, and is lost: %s", _listed(things))


def _say_given_up(things: list[Any]) -> None:
    if things:
        logger.error("too much waits for the database: the oldest %d are lost: %s", len(things), _listed(things))


def _listed(things: list[Any]) -> str:
    return "; ".join(map(str, things))[:10_000]


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
