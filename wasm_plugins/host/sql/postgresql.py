"""PostgreSQL: a statement is proved from its parse tree, then run with the plugin's own rights in the transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final

import psycopg
from django.db import OperationalError, connections

from ...conf import conf
from ...scopes.tables import TableGrant
from .caller import in_callers_transaction
from .engine import SqlLimits, SqlResult
from .errors import SqlFailed, SqlRefused, SqlUnavailable
from .postgresql_answer import read_answer
from .postgresql_known import NotKnown
from .postgresql_session import Armed, Attempt, armed
from .postgresql_state import check_readable
from .postgresql_statement import Statement
from .proved_texts import ProvedText, ProvedTexts
from .runner import must_use, role_of
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

        def spelled(session: Armed) -> Statement:
            known = session.known
            text = _texts.written(proved, known.relations, len(params), grant, limits)
            through = role if must_use(conf.DATABASE_RUNNER, known.has_runner, alias) else None
            return Statement(connection, text, params, through, known.relations, may_ask=session.is_begun)

        with _errors_told(alias), watched(raw, budget_ms):
            for attempt in (Attempt.EXPECTING, Attempt.ASKING):
                with (
                    suppress(NotKnown),
                    armed(connection, proved.tables, role, remaining_ms, limits, attempt) as session,
                ):
                    return _answer(session, spelled, proved, limits)
            with armed(connection, proved.tables, role, remaining_ms, limits, Attempt.LAST) as session:
                return _answer(session, spelled, proved, limits)


def _answer(session: Armed, spelled: Callable[[Armed], Statement], proved: ProvedText, limits: SqlLimits) -> SqlResult:
    try:
        statement = spelled(session)
    except (SqlRefused, SqlUnavailable) as error:
        if session.is_begun:
            raise
        raise NotKnown from error  # the table may have that column by now
    if not proved.returns_rows:
        session.run(statement.execute, settles=True)
        return SqlResult((), (), statement.changed)
    is_select = proved.operation == "select"
    query = partial(statement.query, limits, is_select)
    session.run(query, settles=is_select, changes=not is_select)
    return read_answer(statement.cursor, statement.rows(), limits, is_select=is_select, before_asking=session.reopen)


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
