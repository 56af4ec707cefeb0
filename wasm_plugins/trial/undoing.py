"""Transactions that are always rolled back, whatever happens in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from django.db import connections, router, transaction

from ..conf import conf
from ..models import KeyValue


def reachable_aliases(using: str) -> list[str]:
    """Return every database that a call which owns its transaction could come to use, ``using`` first."""
    own = router.db_for_write(KeyValue)
    return list(dict.fromkeys([using, own, *(alias for alias in conf.DATABASES.values() if alias in connections)]))


def joined_aliases(using: str) -> list[str]:
    """Return every database that a call within its caller's transaction could come to use, ``using`` first.

    That is where a transaction is open already, as with ``ATOMIC_REQUESTS``: on no other does such a call get one.
    """
    return [alias for alias in reachable_aliases(using) if alias == using or connections[alias].in_atomic_block]


@contextmanager
def undone(aliases: Iterable[str]) -> Iterator[None]:
    """Undo on these databases whatever the block does; what it would do after a commit never happens."""
    opened: list[str] = []
    with ExitStack() as blocks:
        for alias in aliases:
            blocks.enter_context(transaction.atomic(using=alias))
            opened.append(alias)
        try:
            yield
        finally:
            for alias in opened:
                transaction.set_rollback(True, using=alias)
