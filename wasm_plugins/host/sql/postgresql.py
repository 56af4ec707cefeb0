"""PostgreSQL: a statement is proved from its parse tree, then run with the plugin's own rights in the transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import psycopg
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
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
from .postgresql_session import armed
from .postgresql_state import check_readable
from .postgresql_text import Relation, measured
from .preparing import execute_kept
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
            watched(raw, budget_ms),
            armed(connection, proved.tables, role, remaining_ms, limits) as session,
        ):
            text = _texts.written(proved, session.relations, len(params), grant, limits)
            through = role if must_use(conf.DATABASE_RUNNER, session.has_runner, alias) else None
            statement = _Statement(connection, text, params, through, session.relations)
            if not proved.returns_rows:
                session.run(statement.execute, settles=True)
                return SqlResult((), (), statement.changed)
            is_select = proved.operation == "select"
            session.run(partial(statement.query, limits), settles=is_select)
            return read_answer(statement.cursor, limits, is_select=is_select)


class _Statement:
    """One proved statement, run by the host itself or through the plugin's function."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        text: str,
        params: Sequence[object],
        role: str | None,
        relations: Mapping[str, Relation],
    ) -> None:
        """Spell the parameters, for which the server may be asked; nothing is run."""
        self.cursor: Final = _cursor(connection.connection)
        self._options: Final = connection.settings_dict["OPTIONS"]
        self._role: Final = role
        # A prepared statement keeps the types that it found for its parameters: of a table that changed, it is another.
        self._mark: Final = f"\n-- {hash(frozenset(relations.items())):x}"
        self._text: Final = text
        self._params: Final = params
        self._passed: Final = None if role is None else pass_as_text(self.cursor, text, params, relations)

    def execute(self) -> None:
        """Run it; it returns no rows."""
        if self._passed is None:
            execute_kept(self.cursor, self._text + self._mark, self._params, self._options, at_once=False)
        else:
            self._call(self._passed.text, returns_rows=False)

    @property
    def changed(self) -> int:
        """How many rows it changed."""
        if self._passed is None:
            return self.cursor.rowcount
        row = self.cursor.fetchone()
        assert row is not None  # the function returns one
        return int(row[0])

    def query(self, limits: SqlLimits) -> None:
        """Run it measured; it returns rows."""
        if self._passed is None:
            text = measured(self._text, limits) + self._mark
            execute_kept(self.cursor, text, self._params, self._options, at_once=False, binary=True)
        else:
            self._call(measured(self._passed.text, limits), returns_rows=True)

    def _call(self, text: str, *, returns_rows: bool) -> None:
        assert self._passed is not None and self._role is not None
        arguments = [text, self._passed.values, returns_rows]
        execute_kept(self.cursor, call_text(self._role), arguments, self._options, binary=True)


def _cursor(raw: Any) -> RawCursor[Any]:
    cursor = RawCursor(raw, row_factory=tuple_row)
    # For this cursor only. An int would else be as small as its value allows, and $1 + $2 could overflow a smallint.
    cursor.adapters.register_dumper(int, Int8Dumper)
    register_loaders(cursor)
    return cursor


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
