"""One PostgreSQL connection around one statement: what is read and set before it, what is checked after it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import RawCursor
from psycopg.pq import TransactionStatus

from .engine import SqlLimits
from .errors import SqlRefused
from .postgresql_text import Relation
from .preparing import execute_kept
from .runner import SCHEMA, SIGNATURE

# Planning is most of what these two cost, so they call functions and join as little as can be.
# Who runs, where names are found, what may be written, which transaction this is, whether temporary tables are there,
# and whether the host may call the plugin's function, which is null where there is none.
_STATE: Final = """ARRAY[current_user::pg_catalog.text, session_user::pg_catalog.text,
pg_catalog.current_setting('search_path'), pg_catalog.current_setting('transaction_read_only'),
pg_catalog.current_setting('transaction_isolation'), pg_catalog.current_setting('row_security'),
pg_catalog.current_setting('session_replication_role'), pg_catalog.now()::pg_catalog.text,
pg_catalog.pg_my_temp_schema()::pg_catalog.text,
pg_catalog.has_function_privilege(pg_catalog.to_regprocedure($1)::pg_catalog.oid, 'EXECUTE')::pg_catalog.text]"""

# Views are tables here: the admin named the view, and what it reads is the business of who wrote it.
_RELATIONS: Final = """SELECT pg_catalog.jsonb_object_agg(c.relname, pg_catalog.jsonb_build_array(
c.relnamespace::pg_catalog.regnamespace::pg_catalog.text, ARRAY(
SELECT ARRAY[a.attname::pg_catalog.text, a.atttypid::pg_catalog.regtype::pg_catalog.text] FROM pg_catalog.pg_attribute a
WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)))
FROM pg_catalog.pg_class c WHERE c.oid = ANY(ARRAY(
SELECT pg_catalog.to_regclass(pg_catalog.quote_ident(wanted))::pg_catalog.oid
FROM pg_catalog.unnest($4::pg_catalog.text[]) AS wanted)) AND c.relkind IN ('r', 'p', 'v', 'm')"""

# 0 is no timeout. A stricter one of the host stays.
_LOWERED: Final = """pg_catalog.current_setting('{name}'), pg_catalog.set_config('{name}', pg_catalog.concat(
GREATEST(1, LEAST({most}::pg_catalog.int8, NULLIF((EXTRACT(epoch FROM pg_catalog.current_setting('{name}')
::pg_catalog.interval) * 1000)::pg_catalog.int8, 0))), 'ms'), true)"""

_BEFORE: Final = f"""SELECT {_STATE}, ({_RELATIONS}), {_LOWERED.format(name="statement_timeout", most="$2")},
{_LOWERED.format(name="lock_timeout", most="$3")}"""

_AFTER: Final = f"""SELECT {_STATE}, pg_catalog.set_config('statement_timeout', $2, true),
pg_catalog.set_config('lock_timeout', $3, true)"""

_CATALOGUES: Final = frozenset({"pg_catalog", "information_schema"})

_REPORTED: Final = (
    b"client_encoding",
    b"standard_conforming_strings",
    b"DateStyle",
    b"IntervalStyle",
    b"TimeZone",
    b"application_name",
    b"default_transaction_read_only",
    b"is_superuser",
    b"session_authorization",
    b"search_path",
)
"""Settings of which the server tells every change by itself, so reading them costs nothing."""

_NEEDED: Final = (("standard_conforming_strings", "on"), ("client_encoding", "UTF8"))
# With the first one off, the server would read a backslash differently from the parser that proved the text.


@dataclass(frozen=True, slots=True)
class Armed:
    """A connection whose timeouts are lowered for one statement."""

    relations: dict[str, Relation]
    """The tables that the statement names, as the catalogue has them."""

    has_runner: bool
    """Whether the plugin has a function to run statements in."""


def check_readable(raw: Any) -> None:
    """Refuse a connection on which the server would read a text in another way than the parser.

    Raises:
        OperationalError: The connection is closed.
        SqlRefused: A setting is not as it must be.
    """
    if raw.closed:
        raise OperationalError("the connection was lost")
    for name, needed in _NEEDED:
        if raw.info.parameter_status(name) != needed:
            raise SqlRefused(f"the connection has {name} = {raw.info.parameter_status(name)}; plugins need {needed}")


@contextmanager
def armed(
    connection: BaseDatabaseWrapper,
    cursor: RawCursor[Any],
    tables: Collection[str],
    role: str | None,
    remaining_ms: int,
    limits: SqlLimits,
) -> Iterator[Armed]:
    """Lower both timeouts for one statement, and see to it that the connection is afterwards what it was.

    One round trip before the statement and one after it. ``set_config(…, true)`` is SET LOCAL: it would outlive the
    savepoint when that is released and hold until the caller's transaction ends, so the old values are set again.
    After an error that cannot be done, and need not: rolling back to the savepoint, which is older than this, brings
    them and everything else back.

    Args:
        connection: Django's connection, in a transaction.
        cursor: A cursor of its own of psycopg's.
        tables: Tables to look up.
        role: The plugin's role, or ``None`` not to look whether it has a function.
        remaining_ms: What is left of the call's deadline, in milliseconds.
        limits: How long the statement may run and wait.

    Raises:
        OperationalError: Something about the connection changed. It is closed then, and with it the transaction.
    """
    wanted_ms = [min(remaining_ms, limits.statement_ms), min(remaining_ms, limits.lock_ms)]
    reported = _reported(cursor)
    function = None if role is None else f"{SCHEMA}.{role}{SIGNATURE}"
    options = connection.settings_dict["OPTIONS"]
    execute_kept(cursor, _BEFORE, [function, *wanted_ms, sorted(tables)], options)
    ((state, relations, statement_timeout, _, lock_timeout, _),) = cursor.fetchall()
    try:
        yield Armed(_relations(relations), state[-1] is not None)
    finally:
        if cursor.connection.info.transaction_status == TransactionStatus.INTRANS:
            execute_kept(cursor, _AFTER, [function, statement_timeout, lock_timeout], options)
            ((after, _, _),) = cursor.fetchall()
            _check_same(connection, state, after, reported, _reported(cursor))


def _relations(found: str | None) -> dict[str, Relation]:
    named = json.loads(found or "{}")
    return {
        name: Relation(_unquoted(schema), frozenset(column for column, _ in typed), tuple(map(tuple, typed)))
        for name, (schema, typed) in named.items()
        if schema not in _CATALOGUES
    }


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _reported(cursor: RawCursor[Any]) -> list[bytes | None]:
    of_server = cursor.connection.pgconn.parameter_status
    return [of_server(name) for name in _REPORTED]


def _check_same(
    connection: BaseDatabaseWrapper,
    before: Sequence[str | None],
    after: Sequence[str | None],
    reported_before: Sequence[bytes | None],
    reported_after: Sequence[bytes | None],
) -> None:
    if list(before) == list(after) and reported_before == reported_after:
        return
    # What a proved statement cannot do has happened. Nothing of it may be committed or used again.
    connection.close()
    raise OperationalError("a plugin's statement changed the state of its connection; the connection was closed")
