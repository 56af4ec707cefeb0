"""``plugins-manager:transactions-manager/transaction``: SQL on a database made from a file of the author's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Final, ParamSpec

from wasm_plugins.host.sql.errors import SqlFailed, SqlRefused
from wasm_plugins.host.sql.values import from_texts, to_database, to_json_rows
from wasm_plugins.runtime.contract import TRANSACTION
from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.values import Err, Ok, Variant

from .database import VENDOR, Database, NotOpen
from .fake_host import host_of
from .recorded import offer_recorded

_Args = ParamSpec("_Args")
_NAMES: Final = ("default", "hasura", "keycloak")
"""What plugins may call the one database that there is."""

NO_DATABASE: Final = (
    "there is no database here: give wasm-plugins call one with --database, a test one with plugin_host.use_database"
)


def _answering(
    function: Callable[Concatenate[CallState, _Args], object],
) -> Callable[Concatenate[CallState, _Args], Ok | Err]:
    """Turn a refusal into ``err`` for the plugin, as the host does."""

    def answer(state: CallState, /, *args: _Args.args, **kwargs: _Args.kwargs) -> Ok | Err:
        try:
            return Ok(function(state, *args, **kwargs))
        except (SqlRefused, SqlFailed) as refused:
            return Err(refused.reason)
        except NotOpen as refused:
            return Err(str(refused))

    return answer


def _database(state: CallState, name: str) -> Database:
    found = host_of(state).database
    if found is None:
        raise NotOpen(NO_DATABASE)
    if name not in _NAMES:
        raise NotOpen(f"no database is called {name[:80]!r}; known are {', '.join(_NAMES)}")
    return found


def _run(state: CallState, name: str, sql: str, bind: Callable[[Database], Sequence[object]]) -> Any:
    state.spend("sql_statements")
    database = _database(state, name)
    return database.run(sql, bind(database), remaining_ms=state.remaining_ms, rows=state.limits.sql_rows)


def _typed(params: Sequence[Variant]) -> Callable[[Database], Sequence[object]]:
    return lambda database: [to_database(value, VENDOR, database.zone) for value in params]


@_answering
def _begin(state: CallState, name: str) -> None:
    _database(state, name).begin()


@_answering
def _commit(state: CallState, name: str) -> None:
    _database(state, name).end(keep=True)


@_answering
def _rollback(state: CallState, name: str) -> None:
    _database(state, name).end(keep=False)


@_answering
def _query(state: CallState, name: str, sql: str, params: list[Variant]) -> object:
    result = _run(state, name, sql, _typed(params))
    return {"columns": list(result.columns), "rows": [list(row) for row in result.rows]}


@_answering
def _execute(state: CallState, name: str, sql: str, params: list[Variant]) -> object:
    return _run(state, name, sql, _typed(params)).changed


@_answering
def _execute_legacy(state: CallState, name: str, sql: str, params: list[str]) -> object:
    result = _run(state, name, sql, lambda _: from_texts(params, VENDOR))
    return to_json_rows(result.columns, result.rows)


def _legacy(name: str) -> dict[str, Callable[..., Ok | Err]]:
    """Return the seed's functions for one of its two databases."""
    return {
        f"create-{name}-transaction": lambda state: _begin(state, name),
        f"commit-{name}-transaction": lambda state: _commit(state, name),
        f"execute-{name}-query": lambda state, sql, params: _execute_legacy(state, name, sql, params),
    }


INTERFACE = offer_recorded(
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
