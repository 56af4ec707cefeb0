"""Whether the host's own fixed statements on a PostgreSQL connection are planned once and kept by the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from psycopg import RawCursor, errors

_THRESHOLD: Final = 5
"""psycopg's own default; with any number it prepares a statement that asks for it at once."""

_is_direct: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def execute_kept(cursor: RawCursor[Any], text: str, params: Sequence[object], options: Mapping[str, Any]) -> None:
    """Run a fixed statement of the host's, prepared where that is safe; planning is most of what it costs.

    Django turns preparing off because a pooler may give each transaction another server. A pooler also answers a login
    with a process number of its own, so the server's number says whether there is one in between. Where the project
    itself says ``"prepare_threshold": None``, nothing is prepared.

    Args:
        cursor: A cursor of its own of psycopg's, inside a transaction.
        text: The statement, always the same; anything else would fill the server's memory.
        params: Its parameters.
        options: ``OPTIONS`` of the database.

    Raises:
        psycopg.Error: What the server answers. A host that discarded what was prepared sees it once.
    """
    raw = cursor.connection
    if not _may_prepare(raw, options):
        cursor.execute(text, params, prepare=False, binary=False)
        return
    threshold = raw.prepare_threshold
    raw.prepare_threshold = _THRESHOLD if threshold is None else threshold
    try:
        cursor.execute(text, params, prepare=True, binary=False)
    except errors.InvalidSqlStatementName:
        _is_direct[raw] = False  # the driver believes it is still there: never again on this connection
        raise
    finally:
        raw.prepare_threshold = threshold  # the host's statements go on as the project wants them


def _may_prepare(raw: Any, options: Mapping[str, Any]) -> bool:
    if options.get("prepare_threshold", _THRESHOLD) is None:
        return False
    known = _is_direct.get(raw)
    if known is None:
        row = raw.execute("SELECT pg_catalog.pg_backend_pid()", prepare=False).fetchone()
        known = _is_direct[raw] = row is not None and row[0] == raw.info.backend_pid
    return known
