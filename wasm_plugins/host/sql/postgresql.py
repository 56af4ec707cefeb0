"""PostgreSQL: a statement is proved from its parse tree, then run with the plugin's own rights in the transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from django.db import OperationalError, connections
from psycopg import RawCursor
from psycopg.rows import tuple_row
from psycopg.types.numeric import Int8Dumper

from ...conf import conf
from .caller import in_callers_transaction
from .engine import SqlLimits, SqlResult
from .errors import SqlFailed
from .grants import TableGrant
from .postgresql_answer import read_answer, register_loaders
from .postgresql_params import pass_as_text
from .postgresql_session import armed, check_readable
from .postgresql_text import Relation, measured
from .proved_texts import ProvedTexts
from .runner import call_text, must_use, role_of
from .watchdog import watched

# Messages of these classes speak of values of the statement and of names. Others, above all what a trigger of the
# host raises (P0001), may quote rows; of those the plugin sees the code.
_TOLD: Final = ("0A", "21", "22", "23", "40", "42", "53", "54", "55", "57")

_texts: Final = ProvedTexts()


class PostgresqlEngine:
    """Runs proved statements on PostgreSQL, with psycopg 3."""

    def run(
        self,
        alias: str,
        sql: str,
        params: Sequence[object],
        grant: TableGrant,
        *,
        plugin: str,
        remaining_ms: int,
        limits: SqlLimits,
    ) -> SqlResult:
        """Do what ``SqlEngine.run`` promises."""
        connection = in_callers_transaction(alias, remaining_ms)
        proved = _texts.proved(sql, len(params), grant, limits)
        proved.check_patterns(params)
        raw = connection.connection
        check_readable(raw)
        role = None if conf.DATABASE_RUNNER == "off" else role_of(plugin, raw.info.dbname)
        budget_ms = min(remaining_ms, limits.statement_ms)
        with (
            _errors_told(alias),
            _cursor(raw) as cursor,
            watched(raw, budget_ms),
            armed(connection, cursor, proved.tables, role, remaining_ms, limits) as session,
        ):
            text = _texts.written(proved, session.relations, len(params), grant, limits)
            through = role if must_use(conf.DATABASE_RUNNER, session.has_runner, alias) else None
            if not proved.returns_rows:
                return SqlResult((), (), _execute(cursor, text, params, through, session.relations))
            _query(cursor, text, params, through, session.relations, limits)
            return read_answer(cursor, limits, is_select=proved.operation == "select")


def _cursor(raw: Any) -> RawCursor[Any]:
    cursor = RawCursor(raw, row_factory=tuple_row)
    # For this cursor only. An int would else be as small as its value allows, and $1 + $2 could overflow a smallint.
    cursor.adapters.register_dumper(int, Int8Dumper)
    register_loaders(cursor)
    return cursor


def _execute(
    cursor: RawCursor[Any], text: str, params: Sequence[object], role: str | None, relations: Mapping[str, Relation]
) -> int:
    """Run a statement that returns no rows and return how many it changed."""
    if role is None:
        return cursor.execute(text, params, prepare=False).rowcount
    passed = pass_as_text(cursor, text, params, relations)
    row = cursor.execute(call_text(role), [passed.text, passed.values, False], prepare=False, binary=True).fetchone()
    assert row is not None  # the function returns one
    return int(row[0])


def _query(
    cursor: RawCursor[Any],
    text: str,
    params: Sequence[object],
    role: str | None,
    relations: Mapping[str, Relation],
    limits: SqlLimits,
) -> None:
    if role is None:
        cursor.execute(measured(text, limits), params, prepare=False, binary=True)
        return
    passed = pass_as_text(cursor, text, params, relations)
    arguments = [measured(passed.text, limits), passed.values, True]
    cursor.execute(call_text(role), arguments, prepare=False, binary=True)


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
