"""PostgreSQL: a statement is proved from its parse tree and run on the caller's connection, within its transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from django.db import OperationalError, connections
from psycopg import RawCursor
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import TextLoader

from ...runtime.values import Variant
from .caller import in_callers_transaction
from .engine import SqlLimits, SqlResult
from .errors import SqlFailed, SqlRefused
from .fetched import Column, from_database, unknown_type
from .grants import TableGrant
from .postgresql_proof import prove
from .postgresql_text import Relation, measured, to_text
from .words import words

_TYPES: Final = words(
    """
    bool int2 int4 int8 float4 float8 numeric text varchar bpchar name bytea date time timestamp timestamptz uuid
    json jsonb
    """
)
"""Types that have an equal among a plugin's values."""

_NO_ARRAYS: Final = words("bytea json jsonb")
"""Types whose arrays have none; arrays of the others become JSON."""

# Views are tables here: the admin named the view, and what it reads is the business of who wrote it.
_RELATIONS: Final = """
SELECT c.relname, n.nspname, ARRAY(
    SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_catalog.unnest($1::pg_catalog.text[]) AS wanted
JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(pg_catalog.quote_ident(wanted))
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')"""

# The statement timeout, then the lock timeout: as text, to set it again, and in milliseconds, where 0 is none.
_TIMEOUTS: Final = """
SELECT pg_catalog.current_setting(name),
    (EXTRACT(epoch FROM pg_catalog.current_setting(name)::pg_catalog.interval) * 1000)::pg_catalog.int8
FROM pg_catalog.unnest(ARRAY['statement_timeout', 'lock_timeout']) WITH ORDINALITY AS wanted (name, place)
ORDER BY place"""

_SET: Final = (
    "SELECT pg_catalog.set_config('statement_timeout', $1, true), pg_catalog.set_config('lock_timeout', $2, true)"
)

# Messages of these classes speak of values of the statement and of names. Others, above all what a trigger of the
# host raises (P0001), may quote rows; of those the plugin sees the code.
_TOLD: Final = ("0A", "21", "22", "23", "40", "42", "53", "54", "55", "57")


class PostgresqlEngine:
    """Runs proved statements on PostgreSQL, with psycopg 3."""

    def run(
        self,
        alias: str,
        sql: str,
        params: Sequence[object],
        grant: TableGrant,
        *,
        remaining_ms: int,
        limits: SqlLimits,
    ) -> SqlResult:
        """Do what ``SqlEngine.run`` promises."""
        connection = in_callers_transaction(alias, remaining_ms)
        proved = prove(sql, len(params), grant, limits)
        raw = connection.connection
        _check_session(raw)
        with _errors_told(alias), _cursor(raw) as cursor:
            text = to_text(proved, _relations(cursor, proved.tables))
            with _timeouts(cursor, remaining_ms, limits):
                if not proved.returns_rows:
                    cursor.execute(text, params, prepare=False)
                    return SqlResult((), (), cursor.rowcount)
                cursor.execute(measured(text, limits), params, prepare=False)
                return _answer(cursor, limits, is_select=proved.operation == "select")


def _check_session(raw: Any) -> None:
    if raw.closed:
        raise OperationalError("the connection was lost")
    # Both are reported by the server whenever they change, so reading them costs nothing. With the first one off,
    # the server would read a backslash in the text that is sent differently from the parser that proved it.
    for name, needed in (("standard_conforming_strings", "on"), ("client_encoding", "UTF8")):
        if raw.info.parameter_status(name) != needed:
            raise SqlRefused(f"the connection has {name} = {raw.info.parameter_status(name)}; plugins need {needed}")


def _cursor(raw: Any) -> RawCursor[Any]:
    cursor = RawCursor(raw, row_factory=tuple_row)
    # For this cursor only. An int would else be as small as its value allows, and $1 + $2 could overflow a smallint;
    # JSON would come back parsed, with its numbers rounded.
    cursor.adapters.register_dumper(int, Int8Dumper)
    cursor.adapters.register_loader("json", TextLoader)
    cursor.adapters.register_loader("jsonb", TextLoader)
    return cursor


def _relations(cursor: RawCursor[Any], tables: set[str]) -> dict[str, Relation]:
    cursor.execute(_RELATIONS, [sorted(tables)], prepare=False)
    return {name: Relation(schema, frozenset(columns)) for name, schema, columns in cursor.fetchall()}


@contextmanager
def _timeouts(cursor: RawCursor[Any], remaining_ms: int, limits: SqlLimits) -> Iterator[None]:
    """Lower both timeouts for one statement; a stricter one of the host stays.

    ``set_config(…, true)`` is SET LOCAL: it would outlive the savepoint when that is released and hold until the
    caller's transaction ends, so the old values are set again. After an error that cannot be done, and need not:
    rolling back to the savepoint, which is older than this, brings them back.
    """
    before = cursor.execute(_TIMEOUTS, prepare=False).fetchall()
    wanted_ms = (min(remaining_ms, limits.statement_ms), min(remaining_ms, limits.lock_ms))
    lowered = [f"{max(1, min(new, now or new))}ms" for new, (_, now) in zip(wanted_ms, before, strict=True)]
    try:
        cursor.execute(_SET, lowered, prepare=False)
        yield
    finally:
        if cursor.connection.info.transaction_status == TransactionStatus.INTRANS:
            cursor.execute(_SET, [text for text, _ in before], prepare=False)


def _answer(cursor: RawCursor[Any], limits: SqlLimits, *, is_select: bool) -> SqlResult:
    columns = tuple(_column(cursor, at) for at in range(2, len(cursor.description or ())))
    fetched = cursor.fetchall()
    row_count, byte_count = fetched[0][:2]
    if row_count > limits.rows:
        raise SqlRefused(f"the answer has more than {limits.rows} rows; use LIMIT")
    if byte_count > limits.result_bytes:
        raise SqlRefused(f"the answer has {byte_count} bytes; at most {limits.result_bytes} are allowed")
    rows = fetched if row_count else []  # without rows the join gives one of nulls, to carry the counts
    converted = tuple(_row(columns, row[2:]) for row in rows)
    return SqlResult(tuple(column.name for column in columns), converted, 0 if is_select else row_count)


def _row(columns: Sequence[Column], row: Sequence[object]) -> tuple[Variant, ...]:
    return tuple(from_database(value, column) for column, value in zip(columns, row, strict=True))


def _column(cursor: RawCursor[Any], at: int) -> Column:
    described = (cursor.description or [])[at]
    known = cursor.adapters.types.get(described.type_code)
    if known is None or known.name not in _TYPES:
        name = known.name if known else f"number {described.type_code}"
        raise unknown_type(Column(described.name, name), name)
    if described.type_code != known.array_oid:
        return Column(described.name, known.name)
    if known.name in _NO_ARRAYS:
        raise unknown_type(Column(described.name, known.name), f"{known.name}[]")
    return Column(described.name, f"{known.name}[]")


@contextmanager
def _errors_told(alias: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as exc:
        connection = connections[alias]
        if connection.connection is None or connection.connection.closed:
            connection.errors_occurred = True  # so that Django looks before it uses this connection again
            raise OperationalError(*exc.args) from exc
        code = exc.sqlstate
        if code is None:  # the driver could not read or bind a value; its own text may quote it
            raise SqlFailed(f"a value could not be read or bound ({type(exc).__name__})") from exc
        if code == "57014":
            raise SqlFailed("the statement did not finish in the time it had", sqlstate=code) from exc
        message = exc.diag.message_primary if code.startswith(_TOLD) else None
        raise SqlFailed(message or f"the database refused, code {code}", sqlstate=code) from exc
