"""The caller's connection, and the proof that it is in a transaction which is still good."""

from __future__ import annotations

from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import TransactionManagementError

from .errors import SqlRefused


def in_callers_transaction(alias: str, remaining_ms: int) -> BaseDatabaseWrapper:
    """Return the connection of an alias, which must be inside an unbroken ``atomic`` block of this thread.

    Raises:
        TransactionManagementError: There is no atomic block, or an error broke it.
        OperationalError: The connection was lost.
        SqlRefused: The call has no time left.
    """
    connection = connections[alias]
    if not connection.in_atomic_block:
        raise TransactionManagementError(f"a plugin's SQL on {alias!r} needs transaction.atomic(using={alias!r})")
    connection.validate_thread_sharing()
    connection.validate_no_broken_transaction()
    if connection.connection is None:
        raise OperationalError("the connection was lost")
    if remaining_ms < 1:
        raise SqlRefused("the call has no time left for another statement")
    return connection
