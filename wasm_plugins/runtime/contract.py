"""The contract with plugin authors, the packages in ``wit/``, as types that components are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .wit import (
    BOOL,
    F64,
    S64,
    STRING,
    U8,
    U16,
    U32,
    U64,
    EnumOf,
    Func,
    ListOf,
    OptionOf,
    RecordOf,
    ResultOf,
    TupleOf,
    VariantOf,
)

PLUGIN_COMMON: Final = "plugins-manager:common/plugin-common"
TRANSACTION: Final = "plugins-manager:transactions-manager/transaction"
AUTHORIZATION: Final = "plugins-manager:jwt/authorization"
PROGRESS: Final = "plugins-manager:tasks/progress"
RUN: Final = "plugins-manager:tasks/run"
CONFIG_STORE: Final = "wasi:config/store"
LOGGING: Final = "wasi:logging/logging"

_ROUTE: Final = RecordOf((("path", STRING), ("handler", STRING), ("process-as-task", BOOL)))
_MANIFEST: Final = RecordOf(
    (
        ("plugin-name", STRING),
        ("hooks", ListOf(STRING)),
        ("routes", ListOf(_ROUTE)),
        ("tasks", ListOf(STRING)),
    )
)
GET_MANIFEST: Final = Func((), _MANIFEST)
"""``plugin-common.get-manifest``, which every plugin exports."""

_PAIRS: Final = ListOf(TupleOf((STRING, STRING)))
_BODY: Final = VariantOf((("empty", None), ("text", STRING), ("bytes", ListOf(U8))))
_REQUEST: Final = RecordOf(
    (
        ("method", STRING),
        ("path", STRING),
        ("query", _PAIRS),
        ("headers", _PAIRS),
        ("body", _BODY),
        ("claims", STRING),
    )
)
_RESPONSE: Final = RecordOf((("status", U16), ("headers", _PAIRS), ("body", _BODY)))

JSON_HANDLER: Final = Func((("input", STRING),), ResultOf(STRING, STRING))
"""A route handler or a task as the seed has it: JSON in, JSON out."""

SILENT_HANDLER: Final = Func((("input", STRING),), ResultOf(None, STRING))
"""The same with nothing to say when all went well."""

HTTP_HANDLER: Final = Func((("request", _REQUEST),), ResultOf(_RESPONSE, STRING))
"""A route handler with the records of ``plugins-manager:common/http``."""

TASK_TYPES: Final = (JSON_HANDLER, SILENT_HANDLER)
ROUTE_TYPES: Final = (*TASK_TYPES, HTTP_HANDLER)

FRAGMENTS: Final = (STRING, OptionOf(STRING))
"""What a hook must answer, when all went well, to be shown in a slot of a page."""

_DONE: Final = ResultOf(None, STRING)
_VALUE: Final = VariantOf(
    (
        ("null", None),
        ("boolean", BOOL),
        ("integer", S64),
        ("real", F64),
        ("numeric", STRING),
        ("text", STRING),
        ("bytes", ListOf(U8)),
        ("date", STRING),
        ("time", STRING),
        ("timestamp", STRING),
        ("uuid", STRING),
        ("json", STRING),
    )
)
_ROWS: Final = RecordOf((("columns", ListOf(STRING)), ("rows", ListOf(ListOf(_VALUE)))))
_DATABASE: Final = (("database", STRING),)
_STATEMENT: Final = (*_DATABASE, ("sql", STRING), ("params", ListOf(_VALUE)))
_LEGACY_QUERY: Final = Func((("sql", STRING), ("params", ListOf(STRING))), ResultOf(STRING, STRING))
_CONFIG_ERROR: Final = VariantOf((("upstream", STRING), ("io", STRING)))
_LEVEL: Final = EnumOf(("trace", "debug", "info", "warn", "error", "critical"))

HOST_TYPES: Final[Mapping[str, Mapping[str, Func]]] = {
    TRANSACTION: {
        "create-hasura-transaction": Func((), _DONE),
        "create-keycloak-transaction": Func((), _DONE),
        "commit-hasura-transaction": Func((), _DONE),
        "commit-keycloak-transaction": Func((), _DONE),
        "execute-hasura-query": _LEGACY_QUERY,
        "execute-keycloak-query": _LEGACY_QUERY,
        "begin": Func(_DATABASE, _DONE),
        "commit": Func(_DATABASE, _DONE),
        "rollback": Func(_DATABASE, _DONE),
        "query": Func(_STATEMENT, ResultOf(_ROWS, STRING)),
        "execute": Func(_STATEMENT, ResultOf(U64, STRING)),
    },
    AUTHORIZATION: {
        "authorize": Func(
            (
                ("claims", STRING),
                ("allow-super-admin-auth", BOOL),
                ("tenant-id-opt", OptionOf(STRING)),
                ("permissions", ListOf(STRING)),
            ),
            _DONE,
        ),
    },
    PROGRESS: {"report": Func((("percent", U8), ("message", STRING)), _DONE)},
    RUN: {
        "idempotency-key": Func((), ResultOf(STRING, STRING)),
        "attempt": Func((), ResultOf(U32, STRING)),
    },
    CONFIG_STORE: {
        "get": Func((("key", STRING),), ResultOf(OptionOf(STRING), _CONFIG_ERROR)),
        "get-all": Func((), ResultOf(_PAIRS, _CONFIG_ERROR)),
    },
    LOGGING: {"log": Func((("level", _LEVEL), ("context", STRING), ("message", STRING)))},
}
"""What the host offers besides WASI: interface, function, type."""
