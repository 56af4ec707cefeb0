"""``plugins-manager:transactions-manager/transaction``: SQL inside the caller's transaction.

Every statement has its own savepoint, so that one the database refuses leaves the caller's transaction as it was.
``hasura`` and ``keycloak`` are the two databases of the seed; the setting ``WASM_PLUGINS_DATABASES`` says what they are
here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Concatenate, ParamSpec

from django.db import connections

from ..capabilities import DATABASE
from ..runtime.contract import TRANSACTION
from ..runtime.offer import offer
from ..runtime.state import CallState
from ..runtime.values import Err, Ok, Variant
from ..scopes.tables import TableGrant
from .context import CallContext, context_of
from .session import SessionRefused
from .sql.engine import SqlEngine, SqlLimits, SqlResult, engine_for
from .sql.errors import SqlFailed, SqlRefused, SqlUnavailable
from .sql.values import from_texts, to_database, to_json_rows

_Args = ParamSpec("_Args")
_Binder = Callable[[str], Sequence[object]]


def _answering(
    function: Callable[Concatenate[CallState, _Args], object],
) -> Callable[Concatenate[CallState, _Args], Ok | Err]:
    """Turn a refusal into ``err`` for the plugin; whatever else goes wrong ends the call and reaches its caller."""

    def answer(state: CallState, /, *args: _Args.args, **kwargs: _Args.kwargs) -> Ok | Err:
        try:
            return Ok(function(state, *args, **kwargs))
        except (SqlRefused, SqlFailed) as refused:
            return Err(refused.reason)
        except (SessionRefused, SqlUnavailable) as refused:
            return Err(str(refused))

    return answer


def _run(state: CallState, database: str, sql: str, bind: _Binder) -> SqlResult:
    """Prove one statement and run it in a savepoint of its own."""
    state.spend("sql_statements")
    context = context_of(state)
    alias = context.session.alias(database)
    vendor = connections[alias].vendor
    engine: SqlEngine = engine_for(vendor)
    result = engine.run(
        alias,
        sql,
        bind(alias),
        _grant(context),
        plugin=context.plugin,
        remaining_ms=state.remaining_ms,
        limits=SqlLimits(rows=state.limits.sql_rows),
    )
    if result.changed:
        context.session.note_write(alias)
    return result


def _grant(context: CallContext) -> TableGrant:
    try:
        return TableGrant.from_scope(context.grants.get(DATABASE, {}))
    except ValueError as error:
        raise SqlRefused(f"the grant of this plugin cannot be read: {error}") from None


def _typed(params: Sequence[Variant], alias: str) -> Sequence[object]:
    connection = connections[alias]
    return [to_database(value, connection.vendor, connection.timezone) for value in params]


def _texts(params: Sequence[str], alias: str) -> Sequence[object]:
    return from_texts(params, connections[alias].vendor)


@_answering
def _begin(state: CallState, database: str) -> None:
    context_of(state).session.begin(database)


@_answering
def _commit(state: CallState, database: str) -> None:
    context_of(state).session.end(database, keep=True)


@_answering
def _rollback(state: CallState, database: str) -> None:
    context_of(state).session.end(database, keep=False)


@_answering
def _query(state: CallState, database: str, sql: str, params: list[Variant]) -> object:
    result = _run(state, database, sql, partial(_typed, params))
    return {"columns": list(result.columns), "rows": [list(row) for row in result.rows]}


@_answering
def _execute(state: CallState, database: str, sql: str, params: list[Variant]) -> int:
    return _run(state, database, sql, partial(_typed, params)).changed


@_answering
def _execute_legacy(state: CallState, database: str, sql: str, params: list[str]) -> str:
    result = _run(state, database, sql, partial(_texts, params))
    return to_json_rows(result.columns, result.rows)


def _legacy(database: str) -> dict[str, Callable[..., Ok | Err]]:
    """Return the seed's functions for one of its two databases."""

    def execute(state: CallState, sql: str, params: list[str]) -> Ok | Err:
        return _execute_legacy(state, database, sql, params)

    return {
        f"create-{database}-transaction": lambda state: _begin(state, database),
        f"commit-{database}-transaction": lambda state: _commit(state, database),
        f"execute-{database}-query": execute,
    }


INTERFACE = offer(
    TRANSACTION,
    {
        **_legacy("hasura"),
        **_legacy("keycloak"),
        "begin": _begin,
        "commit": _commit,
        "rollback": _rollback,
        "query": _query,
        "execute": _execute,
    },
)
