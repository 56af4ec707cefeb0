"""The current answer to who answers what: one immutable snapshot at a time, replaced when the generation changes."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from django.db import DatabaseError, connections, router, transaction

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
    """

    when_first_used: Callable[[], None] | None = None

    def __init__(self) -> None:
        self.snapshot: Snapshot = EMPTY
        self.fresh_until = 0.0
        self._token: UUID | None = None
        self._is_loaded = False
        self._lock = threading.Lock()

    def current(self) -> Snapshot:
        """Return the snapshot of now; asks the database at most twice a second.

        A call keeps the snapshot it began with, whatever happens meanwhile.
        """
        if time.monotonic() >= self.fresh_until:
            self._refresh()
        return self.snapshot

    def invalidate(self) -> None:
        """Ask the database again at the next call."""
        self.fresh_until = 0.0

    def _refresh(self) -> None:
        if not self._lock.acquire(blocking=not self._is_loaded):
            return  # another thread is at it, and there is something to go on with
        try:
            if time.monotonic() < self.fresh_until:
                return
            self._reload()
            self.fresh_until = time.monotonic() + CHECK_INTERVAL_S
        finally:
            self._lock.release()

    def _reload(self) -> None:
        connection = connections[router.db_for_read(Generation)]
        if self._is_loaded and connection.in_atomic_block and connection.needs_rollback:
            return  # the caller's transaction is broken: no query would be answered
        try:
            token = Generation.current_token()
            if self._is_loaded and token == self._token:
                return
            self.snapshot = load_snapshot()
        except DatabaseError:
            if not self._is_loaded:
                raise
            logger.exception("plugins keep their last known state: the database does not answer")
            return
        is_first, self._token, self._is_loaded = not self._is_loaded, token, True
        components.forget({plugin.digest for plugin in self.snapshot.plugins.values()})
        if is_first and self.when_first_used is not None:
            self.when_first_used()

    def reset_lock(self) -> None:
        """Replace a lock that a thread of the parent process may have held at a fork."""
        self._lock = threading.Lock()


registry: Final = Registry()
os.register_at_fork(after_in_child=registry.reset_lock)


def find_snapshot() -> Snapshot:
    """Return the snapshot of now."""
    return registry.current()


def mark_changed() -> None:
    """Say, in the caller's transaction, that something changed which every process must notice."""
    Generation.bump()
    registry.invalidate()
    transaction.on_commit(registry.invalidate, using=router.db_for_write(Generation))
