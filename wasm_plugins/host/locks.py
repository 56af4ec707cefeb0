"""Tells whether transactions of this thread may hold locks, before a plugin's own begins."""

from __future__ import annotations

from typing import Any

from django.db import connections

_IDLE = 0
"""What PostgreSQL's client library calls a connection on which no transaction has begun (``PQTRANS_IDLE``)."""


def nothing_is_held() -> bool:
    """Tell whether no transaction that is open on this thread has run a statement.

    Django sends ``BEGIN`` with a transaction's first statement, so PostgreSQL's state shows it. Of any other database a
    transaction that is open counts as one that holds locks.
    """
    return not any(_may_hold(connection) for connection in connections.all(initialized_only=True))


def _may_hold(connection: Any) -> bool:
    if connection.connection is None or (connection.autocommit and not connection.in_atomic_block):
        return False
    if connection.vendor != "postgresql":
        return True
    return bool(connection.connection.info.transaction_status != _IDLE)
