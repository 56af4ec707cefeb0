"""What a database connection carries from one use to the next, taken before a hostile test and compared after it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from django.db import connections
from django.test.testcases import DatabaseOperationForbidden  # type: ignore[attr-defined]

_POSTGRESQL: Final = {
    "role": "SELECT current_user, session_user",
    "settings": """SELECT name, setting FROM pg_settings WHERE name IN (
        'search_path', 'transaction_read_only', 'default_transaction_read_only', 'statement_timeout', 'lock_timeout',
        'role', 'session_authorization', 'row_security', 'standard_conforming_strings') ORDER BY name""",
    "advisory locks": "SELECT classid, objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    "channels": "SELECT * FROM pg_listening_channels()",
    "held cursors": "SELECT name FROM pg_cursors WHERE is_holdable",
    "prepared statements": "SELECT name FROM pg_prepared_statements WHERE name !~ '^(_pg3|wasm_plugins)_[0-9]+$'",
    "temporary tables": "SELECT relname FROM pg_class WHERE relpersistence = 't' AND pg_table_is_visible(oid)",
}
_SQLITE: Final = {
    "databases": "SELECT name FROM pragma_database_list WHERE name <> 'temp'",  # there once one looked for tables in it
    "query_only": "SELECT query_only FROM pragma_query_only",
    "foreign_keys": "SELECT foreign_keys FROM pragma_foreign_keys",
    "temporary tables": "SELECT name FROM sqlite_temp_master",
}
_QUERIES: Final = {"postgresql": _POSTGRESQL, "sqlite": _SQLITE}

State = Mapping[str, Mapping[str, Any]]


def take() -> State:
    """Return the state of every connection that this thread has open."""
    found = {}
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None and connection.vendor in _QUERIES:
            with suppress(DatabaseOperationForbidden):  # the test may not use this one, so nobody did
                found[connection.alias] = _of(connection)
    return found


def check(before: State) -> None:
    """Fail where a connection is not as it was."""
    after = take()
    for alias in before.keys() & after.keys():
        assert after[alias] == before[alias], f"the connection {alias} is not as it was"


def _of(connection: Any) -> Mapping[str, Any]:
    found: dict[str, Any] = {"is in a transaction": connection.in_atomic_block}
    with connection.cursor() as cursor:
        for name, query in _QUERIES[connection.vendor].items():
            cursor.execute(query)
            found[name] = cursor.fetchall()
    return found
