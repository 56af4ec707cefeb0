"""Tables of a made-up shop on both databases, and one way to run a plugin's statement on either."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext

import pytest
from django.db import connections, transaction

from wasm_plugins.host.sql import plans, roles_apply
from wasm_plugins.host.sql.engine import SqlLimits, SqlResult, engine_for
from wasm_plugins.host.sql.values import to_database
from wasm_plugins.runtime.values import Variant
from wasm_plugins.scopes.tables import TableGrant

GRANT = TableGrant.from_scope(
    {
        "tables": {
            "plugin_notes": ["select", "insert", "update", "delete"],
            "plugin_log": ["insert"],
            "plugin_prices": ["select"],
        }
    }
)

TABLES = {
    "host_secret": "(id integer PRIMARY KEY, secret varchar(40) NOT NULL)",
    "plugin_notes": "(id integer PRIMARY KEY, title varchar(40) UNIQUE, body text, points integer DEFAULT 0, "
    "owner_id integer REFERENCES host_secret (id))",
    "plugin_log": "(id integer PRIMARY KEY, line text)",
    "plugin_prices": "(id integer PRIMARY KEY, cents integer)",
}

ROWS = (
    "INSERT INTO host_secret VALUES (1, 'do not tell')",
    "INSERT INTO plugin_notes VALUES (1, 'first', 'one', 10, 1), (2, 'second', 'two', 20, NULL)",
    "INSERT INTO plugin_log VALUES (1, 'old line')",
    "INSERT INTO plugin_prices VALUES (1, 100), (2, 250)",
)

Run = Callable[..., SqlResult]


@pytest.fixture
def tables(db: None) -> Iterator[None]:
    """Make the tables and their rows on both databases, inside the test's transaction where it has one."""
    for alias in ("default", "sqlite"):
        with connections[alias].cursor() as cursor:
            for name, columns in TABLES.items():
                cursor.execute(f"CREATE TABLE {name} {columns}")
            for row in ROWS:
                cursor.execute(row)
    yield
    for alias in ("default", "sqlite"):
        if not connections[alias].in_atomic_block:
            with connections[alias].cursor() as cursor:
                for name in reversed(TABLES):
                    cursor.execute(f"DROP TABLE {name}")


ALL_WALLS = ["proof", "both", "kept"]
"""What holds a statement on PostgreSQL: the proof alone, with the plugin's own role, and with the role where plans are
kept from a statement's first time on."""


@pytest.fixture
def walls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Say which walls hold; where plans are kept, it is from a statement's first time on."""
    chosen = str(getattr(request, "param", "proof"))
    if chosen == "kept":
        monkeypatch.setattr(plans, "OFTEN", 0)
    return chosen


@pytest.fixture(params=["default", "sqlite"])
def alias(request: pytest.FixtureRequest) -> str:
    """Name one database, then the other."""
    return str(request.param)


def give_role(alias: str, grant: TableGrant, plugin: str = "tester") -> None:
    """Make the plugin's role and function with the rights of a grant."""
    roles_apply.apply(alias, roles_apply.plan(alias, plugin, grant).statements)


@pytest.fixture
def run(tables: None, walls: str) -> Run:
    """Run one statement in the test's own transaction, as the host function does in its caller's."""

    def run_statement(
        alias: str,
        sql: str,
        params: Sequence[Variant] = (),
        *,
        grant: TableGrant = GRANT,
        remaining_ms: int = 1_000,
        limits: SqlLimits | None = None,
    ) -> SqlResult:
        connection = connections[alias]
        if walls in ("both", "kept") and alias == "default":
            give_role(alias, grant)
            plans.plans_of(connection.connection).is_direct = True
        bound = [to_database(value, connection.vendor, connection.timezone) for value in params]
        with nullcontext() if connection.in_atomic_block else transaction.atomic(using=alias):
            return engine_for(connection.vendor).run(
                alias, sql, bound, grant, plugin="tester", remaining_ms=remaining_ms, limits=limits or SqlLimits()
            )

    return run_statement


@pytest.fixture
def counted(tables: None) -> Callable[[str, str], int]:
    """Count a table's rows as the host does."""

    def count(alias: str, table: str) -> int:
        with connections[alias].cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table}")
            return int(cursor.fetchone()[0])

    return count
