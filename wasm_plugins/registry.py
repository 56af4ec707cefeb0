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
from .snapshot import EMPTY, Snapshot, load_snapshot

CHECK_INTERVAL_S: Final = 0.5
"""How old what a process knows may be: a change is noticed within a second, without a query for each call."""

logger = logging.getLogger(__name__)


class Registry:
    """Holds this process's snapshot.

    Attributes:
        snapshot: The last one that was loaded.
        fresh_until: Until when, on ``time.monotonic()``'s clock, it may be used without asking.
        when_first_used: What to start beside the first call of this process; set when the app is ready.
        before_looking: What to do before each look at the records; set when the app is ready.
    """

    when_first_used: Callable[[], None] | None = None
    before_looking: Callable[[], None] | None = None

    def __init__(self) -> None:
        self.snapshot: Snapshot = EMPTY
        self.fresh_until = 0.0
        self._token: UUID | None = None
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
            return self._reload()
        finally:
            self._answered = asked
            if asked != self._asked:
                self.fresh_until = 0.0  # somebody asked again meanwhile

    def _reload(self) -> Snapshot:
        connection = connections[router.db_for_read(Generation)]
        if self._is_loaded and connection.in_atomic_block and connection.needs_rollback:
            return self.snapshot  # the caller's transaction is broken: no query would be answered
        try:
            with _own_savepoint(connection):
                token, snapshot = self._load()
        except DatabaseError:
            if not self._is_loaded:
                raise
            logger.exception("plugins keep their last known state: the database does not answer")
            token, snapshot = self._token, self.snapshot
        if token not in _uncommitted:
            self._publish(token, snapshot)
        return snapshot

    def _load(self) -> tuple[UUID | None, Snapshot]:
        token = Generation.current_token()
        if self._is_loaded and token == self._token:
            return token, self.snapshot
        snapshot = load_snapshot()
        while (now := Generation.current_token()) != token:  # or half of it would be older than the rest
            token, snapshot = now, load_snapshot()
        return token, snapshot

    def _publish(self, token: UUID | None, snapshot: Snapshot) -> None:
        is_first, self._is_loaded = not self._is_loaded, True
        if snapshot is not self.snapshot:
            components.forget({plugin.digest for plugin in snapshot.plugins.values()})
        self.snapshot, self._token = snapshot, token
        self.fresh_until = time.monotonic() + CHECK_INTERVAL_S
        if is_first and self.when_first_used is not None:
            self.when_first_used()

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


def mark_changed() -> None:
    """Say, in the caller's transaction, that something changed which every process must notice."""
    token = Generation.bump()
    _uncommitted.add(token)
    registry.invalidate()
    transaction.on_commit(partial(_committed, token), using=router.db_for_write(Generation))


def _committed(token: UUID) -> None:
    _uncommitted.discard(token)
    registry.invalidate()
