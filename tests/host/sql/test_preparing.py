"""The host's own fixed statements are prepared where one server answers, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg import RawCursor

from wasm_plugins.host.sql import preparing
from wasm_plugins.host.sql.preparing import execute_kept, one_trip

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = "SELECT $1::pg_catalog.int8 + 1"


@pytest.fixture
def cursor() -> Iterator[RawCursor[Any]]:
    """Open a cursor on a connection that nothing was prepared on."""
    connection.close()
    connection.ensure_connection()
    with connection.connection.transaction(), RawCursor(connection.connection) as opened:
        yield opened
    connection.close()


def prepared(cursor: RawCursor[Any]) -> list[str]:
    """Return what the server keeps."""
    rows = cursor.execute("SELECT statement FROM pg_prepared_statements", prepare=False).fetchall()
    return [statement for (statement,) in rows]


def ask(cursor: RawCursor[Any], number: int, **options: Any) -> int:
    with one_trip(cursor.connection):
        execute_kept(cursor, TEXT, [number], options)
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def test_a_fixed_statement_is_planned_once(cursor: RawCursor[Any]) -> None:
    assert [ask(cursor, number) for number in range(3)] == [1, 2, 3]
    assert prepared(cursor) == [TEXT]


def test_the_projects_own_statements_are_prepared_or_not_as_it_wants(cursor: RawCursor[Any]) -> None:
    before = cursor.connection.prepare_threshold
    ask(cursor, 1)
    assert cursor.connection.prepare_threshold == before


def test_nothing_is_prepared_where_the_project_turned_it_off(cursor: RawCursor[Any]) -> None:
    assert ask(cursor, 1, prepare_threshold=None) == 2
    assert prepared(cursor) == []


def test_nothing_is_prepared_behind_a_pooler(cursor: RawCursor[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A pooler answers the login with a process number that no server has."""
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", property(lambda _: 1))
    assert ask(cursor, 1) == 2
    assert prepared(cursor) == []


def test_a_host_that_discards_what_was_prepared_sees_it_once(cursor: RawCursor[Any]) -> None:
    ask(cursor, 1)
    cursor.execute("DEALLOCATE ALL", prepare=False)
    cursor.connection._prepared.clear()
    assert ask(cursor, 2) == 3
    with pytest.raises(psycopg.errors.InvalidSqlStatementName), cursor.connection.transaction():
        cursor.execute(
            "SELECT pg_catalog.set_config('x.y', 'deallocated behind the driver''s back', true)", prepare=False
        )
        cursor.connection.pgconn.exec_(b"DEALLOCATE ALL")
        ask(cursor, 3)
    assert [ask(cursor, 4), ask(cursor, 5)] == [5, 6]
    assert preparing._is_direct[cursor.connection] is False
    assert prepared(cursor) == []
