"""The current answer to who answers what: one immutable snapshot at a time, replaced when the generation changes."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Final
from uuid import UUID

from django.db import DatabaseError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from . import components
from .models import Generation
from .models.generation import State
from .sleeps import load_sleeps
from .snapshot import EMPTY, Snapshot, load_snapshot

CHECK_INTERVAL_S: Final = 0.5
"""How old what a process knows may be: a change is noticed within a second, without a query for each call."""

logger = logging.getLogger(__name__)


class _Mine(threading.local):
    """What holds for one thread."""

    def __init__(self) -> None:
        self.fresh_until = 0.0
        self.asked: int | None = None
        """Which of all askings was answered by a look that counts for this thread alone."""


class Registry:
    """Holds this process's snapshot.

    A transaction that sees the database as it was at its beginning, as on SQLite or at PostgreSQL's stricter isolation
    levels, may bring a newer snapshot and never an older one, and what it sees keeps nobody else from looking.

    Attributes:
        snapshot: The last one that was loaded.
        fresh_until: Until when, on ``time.monotonic()``'s clock, it may be used without asking.
        when_first_used: What to start beside the first call of this process; set when the app is ready.
        before_looking: What to do before each look at the records; set when the app is ready.
        after_looking: Told after each look which generation is served; set when the app is ready.
    """

    when_first_used: Callable[[], None] | None = None
    before_looking: Callable[[], None] | None = None
    after_looking: Callable[[State], None] | None = None

    def __init__(self) -> None:
        self.snapshot: Snapshot = EMPTY
        self.fresh_until = 0.0
        self._state = State(None, 0, True)
        self._mine = _Mine()
        self._is_loaded = False
        self._asked = 0
        self._answered = 0
        self._lock = threading.Lock()
        self._pinned: Snapshot | None = None

    def current(self) -> Snapshot:
        """Return the snapshot of now; asks the database at most twice a second.

        A call keeps the snapshot it began with, whatever happens meanwhile. A caller that changed something in a
        transaction sees it at once, and nobody else does before it is committed.
        """
        return self.snapshot if time.monotonic() < self.fresh_until else self._refresh()

    def invalidate(self) -> None:
        """Ask the database again at the next call, whatever another thread was just told by it."""
        self._asked += 1
        self.fresh_until = 0.0

    @contextmanager
    def pinned(self, snapshot: Snapshot) -> Iterator[None]:
        """Answer with one snapshot while the block runs, in every thread, whatever the records say: for tests.

        The records are not looked at meanwhile, and the last snapshot of them counts again afterwards.
        """
        with self._lock:
            outer = self._pinned, self.snapshot
            self._pinned = self.snapshot = snapshot
            self.fresh_until = math.inf
        try:
            yield
        finally:
            with self._lock:
                self._pinned, self.snapshot = outer
                self.fresh_until = 0.0 if self._pinned is None else math.inf

    def _refresh(self) -> Snapshot:
        if self._pinned is not None:
            return self._pinned
        if self._mine.asked == self._asked and time.monotonic() < self._mine.fresh_until:
            return self.snapshot  # this thread has looked, within a transaction that sees no more than it did then
        may_be_old = self._is_loaded and self._asked == self._answered
        if not self._lock.acquire(blocking=not may_be_old):
            return self.snapshot  # another thread is at it, and there is something to go on with
        try:
            return self.snapshot if time.monotonic() < self.fresh_until else self._look()
        finally:
            self._lock.release()

    def _look(self) -> Snapshot:
        if self.before_looking is not None:
            self.before_looking()
        asked = self._asked
        try:
            return self._reload(asked)
        finally:
            if self._mine.asked != asked:
                self._answered = asked
            if asked != self._asked:
                self.fresh_until = 0.0  # somebody asked again meanwhile

    def _reload(self, asked: int) -> Snapshot:
        connection = connections[router.db_for_read(Generation)]
        if self._is_loaded and connection.in_atomic_block and connection.needs_rollback:
            return self.snapshot  # the caller's transaction is broken: no query would be answered
        try:
            with _own_savepoint(connection):
                state, snapshot = self._load()
        except DatabaseError:
            if not self._is_loaded:
                raise
            logger.exception("plugins keep their last known state: the database does not answer")
            state, snapshot = self._state._replace(is_of_now=True), self.snapshot
        if _uncommitted.isdisjoint((state.token, state.sleeps)):
            self._publish(state, snapshot, asked)
        return snapshot

    def _load(self) -> tuple[State, Snapshot]:
        state = Generation.current_state()
        if self._is_loaded and (state.is_as(self._state) or self._is_past(state)):
            return state, self.snapshot
        snapshot = self._read(state)
        while not (now := Generation.current_state()).is_as(state):  # or half of it would be older than the rest
            state, snapshot = now, self._read(now)
        return state, snapshot

    def _read(self, state: State) -> Snapshot:
        """Read all that a state is made of, or, where that is all that changed, which versions sleep."""
        if self._is_loaded and state.token == self._state.token:
            return self.snapshot.with_sleeps(load_sleeps())
        return load_snapshot()

    def _is_past(self, state: State) -> bool:
        """Tell whether a transaction sees an older state than this process knows.

        Outside of such a transaction a smaller number is the present: a database that was restored.
        """
        return not state.is_of_now and state.is_before(self._state)

    def _publish(self, state: State, snapshot: Snapshot, asked: int) -> None:
        is_first, self._is_loaded = not self._is_loaded, True
        if snapshot is not self.snapshot:
            components.forget({plugin.digest for plugin in snapshot.plugins.values()})
        if not self._is_past(state):
            self.snapshot, self._state = snapshot, state
        until = time.monotonic() + CHECK_INTERVAL_S
        if state.is_of_now:
            self.fresh_until, self._mine.asked = until, None
        else:
            self._mine.fresh_until, self._mine.asked = until, asked
        if is_first and self.when_first_used is not None:
            self.when_first_used()
        if self.after_looking is not None:
            self.after_looking(self._state)

    def reset_lock(self) -> None:
        """Replace a lock that a thread of the parent process may have held at a fork."""
        self._lock = threading.Lock()


def _own_savepoint(connection: BaseDatabaseWrapper) -> AbstractContextManager[None]:
    """Keep a query that fails from breaking the transaction of whoever calls a hook."""
    return transaction.atomic(using=connection.alias) if connection.in_atomic_block else nullcontext()


registry: Final = Registry()
os.register_at_fork(after_in_child=registry.reset_lock)


def find_snapshot() -> Snapshot:
    """Return the snapshot of now."""
    return registry.current()


_uncommitted: Final[set[UUID | None]] = set()
"""States that this process made and has not committed: only the transaction that made one can see it.

One that is rolled back stays in here: it is 16 bytes, and cannot come again.
"""


def mark_changed(*, only_sleeps: bool = False) -> None:
    """Say, in the caller's transaction, that something changed which every process must notice.

    Args:
        only_sleeps: Whether nothing did but which versions sleep.
    """
    token = Generation.bump(only_sleeps=only_sleeps)
    _uncommitted.add(token)
    registry.invalidate()
    transaction.on_commit(partial(_committed, token), using=router.db_for_write(Generation))


def _committed(token: UUID) -> None:
    _uncommitted.discard(token)
    registry.invalidate()
