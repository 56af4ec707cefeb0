"""The transactions that one call has open: savepoints inside its caller's, and never anything outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

from django.db import connections, transaction
from django.db.transaction import Atomic

from ..conf import conf

MOST_OPEN: Final = 16
"""Savepoints that one call may have open on one database."""


class SessionRefused(Exception):
    """The plugin asked for a transaction that it cannot have; the text is for the plugin."""


class Session:
    """Savepoints by database alias.

    A hook runs inside somebody else's transaction: it may only use databases on which its caller has one open, or what
    it wrote would survive the caller's rollback. A route or a task owns its transaction, so others are opened for it
    when first used and end with it.
    """

    def __init__(self, using: str, *, owns_transaction: bool, held_nothing: bool = False) -> None:
        """Belong to a transaction that is open on ``using``.

        Args:
            using: Django's alias of the database.
            owns_transaction: Whether the transaction is the call's own, or somebody else's.
            held_nothing: Whether no statement had been run in any transaction before the call's own began.
        """
        self._using: Final = using
        self._owns: Final = owns_transaction
        self._held_nothing: Final = held_nothing
        self._is_used = False
        self._outer: Final[dict[str, Atomic]] = {}
        self._open: Final[dict[str, list[Atomic]]] = {}
        self._written: Final[set[str]] = set()

    def alias(self, database: str) -> str:
        """Return the Django alias of a database as plugins call it, with a transaction open on it.

        Raises:
            SessionRefused: There is no such database, or it is not part of the caller's transaction.
        """
        alias = conf.DATABASES.get(database)
        if alias is None or alias not in connections:
            known = ", ".join(sorted(conf.DATABASES))
            raise SessionRefused(f"no database is called {database[:80]!r}; known are {known}")
        return self.join(alias, database)

    def join(self, alias: str, database: str) -> str:
        """Return a Django alias, with a transaction open on it that ends with the call's, or with its caller's.

        Raises:
            SessionRefused: It is not part of the caller's transaction; the text calls it ``database``.
        """
        self._is_used = True
        if alias == self._using or alias in self._outer or connections[alias].in_atomic_block:
            return alias
        if not self._owns:
            raise SessionRefused(f"database {database} is not part of the caller's transaction")
        block = transaction.atomic(using=alias)
        block.__enter__()
        self._outer[alias] = block  # only what was entered may be left
        return alias

    @property
    def holds_nothing(self) -> bool:
        """Whether there is no lock that this call, or whoever called it, could hold while it waits for something.

        That is so in a transaction of the call's own until it first uses a database; on SQLite never, where the
        transaction's beginning may have taken the one lock that all writers need.
        """
        is_single = connections[self._using].vendor == "sqlite"
        return self._owns and self._held_nothing and not self._is_used and not is_single

    @property
    def has_written(self) -> bool:
        """Whether rows changed, even if that was undone since."""
        return bool(self._written)

    def note_write(self, alias: str) -> None:
        """Remember that rows changed: deferred constraints are then checked while the call can still be undone."""
        self._written.add(alias)

    def begin(self, database: str) -> None:
        """Open a savepoint.

        Raises:
            SessionRefused: Too many are open.
        """
        alias = self.alias(database)
        stack = self._open.setdefault(alias, [])
        if len(stack) >= MOST_OPEN:
            raise SessionRefused(f"{MOST_OPEN} transactions are open on {database}, which is the limit")
        block = transaction.atomic(using=alias)
        block.__enter__()
        stack.append(block)

    def end(self, database: str, *, keep: bool) -> None:
        """Release the innermost savepoint, or undo what happened since.

        Raises:
            SessionRefused: None is open.
        """
        alias = self.alias(database)
        stack = self._open.get(alias)
        if not stack:
            raise SessionRefused(f"no transaction is open on {database}: begin one first")
        _leave(stack.pop(), alias, keep=keep)

    def is_open(self, database: str) -> bool:
        """Tell whether a ``begin`` has not ended yet."""
        return bool(self._open.get(self.alias(database)))

    @contextmanager
    def closing(self) -> Iterator[list[str]]:
        """End everything that the block leaves open, and yield the list that will name what that was.

        What a ``begin`` left open is undone. Transactions on other databases are committed, or undone when the block
        raises.
        """
        left_open: list[str] = []
        try:
            yield left_open
        except BaseException:
            self._close(left_open, keep=False)
            raise
        self._close(left_open, keep=True)

    def _close(self, left_open: list[str], *, keep: bool) -> None:
        with ExitStack() as blocks:  # leaves every one of them, whatever happens to another
            for alias, block in self._outer.items():
                blocks.push(partial(_end, block, alias, keep))
            for alias, stack in self._open.items():
                left_open.extend(alias for _ in stack)
                for block in stack:
                    blocks.push(partial(_end, block, alias, False))
            self._outer.clear()
            self._open.clear()
            if keep:
                for alias in self._written:
                    connections[alias].check_constraints()


def _end(block: Atomic, alias: str, keep: bool, kind: type[BaseException] | None, *_: object) -> None:
    """Leave a block as an exit callback: kept only while nothing has failed."""
    _leave(block, alias, keep=keep and kind is None)


def _leave(block: Atomic, alias: str, *, keep: bool) -> None:
    if not keep:
        transaction.set_rollback(True, using=alias)
    block.__exit__(None, None, None)
