"""Where a hostile statement is tried: PostgreSQL with one wall and with both, and SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connections, transaction

from tests.host.sql.conftest import GRANT, TABLES, Run, counted, run, tables
from wasm_plugins.host.sql.engine import SqlLimits, SqlResult
from wasm_plugins.host.sql.errors import SqlRefused
from wasm_plugins.runtime.values import Variant

__all__ = ["counted", "run", "tables"]

_SESSION = (
    "SELECT current_user, session_user",
    "SELECT name, setting FROM pg_settings WHERE name NOT LIKE 'transaction%' ORDER BY name",
    "SELECT current_setting('app.tenant', true)",
    "SELECT classid, objid, mode FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    "SELECT pg_listening_channels()",
    "SELECT name FROM pg_prepared_statements WHERE name !~ '^(_pg3|wasm_plugins)_[0-9]+$'",
    "SELECT name FROM pg_cursors WHERE is_holdable",
    "SELECT pg_my_temp_schema(), now(), current_setting('transaction_read_only')",
    "SELECT count(*) FROM pg_largeobject_metadata",
    "SELECT count(*) FROM pg_class",
    "SELECT count(*) FROM pg_proc",
)


@dataclass(frozen=True)
class Place:
    """One database, with the walls that hold there."""

    alias: str
    run: Run

    def refuses(self, sql: str, params: Sequence[Variant] = ()) -> None:
        """See that a statement is refused, and that tables and connection are what they were."""
        before = self.state()
        with pytest.raises(SqlRefused):
            self.run(self.alias, sql, params)
        assert self.state() == before
        assert self.run(self.alias, "SELECT id FROM plugin_notes WHERE id = 1").rows

    def ask(self, sql: str, params: Sequence[Variant] = (), **limits: Any) -> SqlResult:
        """Run a statement."""
        return self.run(self.alias, sql, params, limits=SqlLimits(**limits))

    def state(self) -> list[Any]:
        """Return all rows of the host's tables, and what the connection remembers."""
        connection = connections[self.alias]
        with connection.cursor() as cursor:
            found = [_rows(cursor, f"SELECT * FROM {table} ORDER BY id") for table in TABLES]
            if self.alias == "default":
                return [*found, *(_rows(cursor, query) for query in _SESSION)]
            raw = connection.connection
            codes = (sqlite3.SQLITE_LIMIT_LENGTH, sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH)
            pragmas = ("busy_timeout", "foreign_keys", "query_only", "writable_schema", "database_list")
            return [
                *found,
                *(_rows(cursor, f"PRAGMA {name}") for name in pragmas),
                _rows(cursor, "SELECT name FROM sqlite_master UNION SELECT name FROM sqlite_temp_master"),
                [raw.getlimit(code) for code in codes],
                raw.in_transaction,
            ]


def _rows(cursor: Any, sql: str) -> list[Any]:
    cursor.execute(sql)
    return list(cursor.fetchall())


@pytest.fixture
def walls(request: pytest.FixtureRequest) -> str:
    """Say what holds on PostgreSQL, by the place that the test was given."""
    given = {"proof", "both"} & {str(each) for each in request.node.callspec.params.values()} if _has(request) else ()
    return next(iter(given), "proof")


def _has(request: pytest.FixtureRequest) -> bool:
    return hasattr(request.node, "callspec")


@pytest.fixture(params=["proof", "both", "sqlite"])
def place(request: pytest.FixtureRequest, run: Run) -> Place:
    """Give each of the three in turn."""
    return _prepared(request.param, run)


@pytest.fixture(params=["proof", "both"])
def postgresql(request: pytest.FixtureRequest, run: Run) -> Place:
    """Give PostgreSQL with the proof alone, then with the plugin's own role as well."""
    return _prepared(request.param, run)


@pytest.fixture
def sqlite(run: Run) -> Place:
    """Give SQLite."""
    return _prepared("sqlite", run)


def _prepared(name: str, run: Run) -> Place:
    alias = "sqlite" if name == "sqlite" else "default"
    with transaction.atomic(using=alias):
        run(alias, "SELECT id FROM plugin_notes", grant=GRANT)  # makes the role, where there is to be one
    return Place(alias, run)
