"""Plans are kept where one server answers, and nowhere else; they are bounded, and what is known of them is true."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg import RawCursor

from wasm_plugins.host.sql.plans import MOST_KEPT, plans_of
from wasm_plugins.host.sql.trip import Trip

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = "SELECT $1::pg_catalog.int8 + 1"


@pytest.fixture
def cursor() -> Iterator[RawCursor[Any]]:
    """Open a cursor on a connection that nothing was prepared on."""
    connection.close()
    connection.ensure_connection()
    with connection.connection.transaction(), RawCursor(connection.connection) as opened:
        ask(opened, 0, text="SELECT 0 * $1::pg_catalog.int8")  # the first trip asks whether plans may be kept
        yield opened
    connection.close()


def prepared(cursor: RawCursor[Any]) -> list[str]:
    """Return what the server keeps."""
    rows = cursor.execute("SELECT statement FROM pg_prepared_statements", prepare=False).fetchall()
    return [statement for (statement,) in rows]


def ask(cursor: RawCursor[Any], number: int, *, text: str = TEXT, keeps: bool | None = True, **options: Any) -> int:
    trip = Trip(cursor.connection, options)
    trip.drop_unwanted()
    sent = trip.add(text, [number], keeps=keeps)
    trip.go()
    ((found,),) = sent.rows()
    return int(found)


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
    plans_of(cursor.connection).is_direct = None
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", property(lambda _: 1))
    assert [ask(cursor, 1), ask(cursor, 1)] == [2, 2]
    assert TEXT not in prepared(cursor)


def test_a_statement_that_comes_often_is_planned_once(cursor: RawCursor[Any]) -> None:
    for number in range(5):
        ask(cursor, number, keeps=None)
    assert prepared(cursor) == []
    ask(cursor, 5, keeps=None)
    assert prepared(cursor) == [TEXT]


def test_the_same_statement_with_parameters_of_another_type_has_its_own_plan(cursor: RawCursor[Any]) -> None:
    for value in (1, "1"):
        trip = Trip(cursor.connection, {})
        trip.add(TEXT, [value])
        trip.go()
    assert prepared(cursor) == [TEXT, TEXT]


def test_as_many_plans_as_are_kept_are_on_the_server_and_those_that_were_used_last(cursor: RawCursor[Any]) -> None:
    texts = [f"SELECT $1::pg_catalog.int8 + {number}" for number in range(2, MOST_KEPT + 7)]
    for text in texts:
        ask(cursor, 1, text=text)
        ask(cursor, 1, text=texts[0])
    ask(cursor, 1)
    assert len(prepared(cursor)) <= MOST_KEPT + 1  # one too many goes with the next trip
    assert {texts[0], texts[-1], TEXT} <= set(prepared(cursor))
    assert texts[1] not in prepared(cursor)


def test_plans_are_bounded_although_what_needs_them_fails(cursor: RawCursor[Any]) -> None:
    for number in range(MOST_KEPT + 20):
        trip = Trip(cursor.connection, {})
        trip.add_command("SAVEPOINT failing")
        trip.drop_unwanted()
        trip.add(f"SELECT {number} / ($1::pg_catalog.int8 - $1)", [number])
        with pytest.raises(psycopg.errors.DivisionByZero):
            trip.go()
        cursor.execute("ROLLBACK TO failing", prepare=False)
    assert len(prepared(cursor)) <= MOST_KEPT + 1


def test_a_plan_for_a_type_that_is_gone_is_made_anew_once_it_failed(cursor: RawCursor[Any]) -> None:
    text = "SELECT count(*) FROM (VALUES (1)) AS v (n) WHERE $1::size = ANY (enum_range(NULL::size))"
    create = "CREATE TYPE size AS ENUM ('small')"
    cursor.execute(create, prepare=False)
    trip = Trip(cursor.connection, {})
    trip.add(text, ["small"])
    trip.go()
    for again in (False, True):
        cursor.connection.pgconn.exec_(f"SAVEPOINT failing; DROP TYPE size; {create}".encode() if not again else b"")
        trip = Trip(cursor.connection, {})
        sent = trip.add(text, ["small"])
        if again:
            trip.go()
            assert sent.rows() == [(1,)]
            continue
        with pytest.raises(psycopg.errors.InternalError):
            trip.go()
        cursor.execute("ROLLBACK TO failing", prepare=False)
        cursor.connection.pgconn.exec_(f"DROP TYPE size; {create}".encode())


def test_a_plan_that_could_not_be_made_is_not_taken_for_one(cursor: RawCursor[Any]) -> None:
    for _ in range(2):
        trip = Trip(cursor.connection, {})
        trip.add_command("SAVEPOINT failing")
        trip.add("SELECT missing", [])
        with pytest.raises(psycopg.errors.UndefinedColumn):
            trip.go()
        cursor.execute("ROLLBACK TO failing", prepare=False)
    assert ask(cursor, 1) == 2


def test_a_host_that_discards_plans_sees_it_once_and_they_are_made_again(cursor: RawCursor[Any]) -> None:
    ask(cursor, 1)
    with pytest.raises(psycopg.errors.InvalidSqlStatementName), cursor.connection.transaction():
        cursor.connection.pgconn.exec_(b"DEALLOCATE ALL")
        ask(cursor, 3)
    assert [ask(cursor, 4), ask(cursor, 5)] == [5, 6]
    assert prepared(cursor) == [TEXT]


def test_what_is_known_of_a_connection_goes_with_it(cursor: RawCursor[Any]) -> None:
    assert plans_of(cursor.connection) is plans_of(cursor.connection)
    other = connection.copy()
    other.ensure_connection()
    assert plans_of(other.connection) is not plans_of(cursor.connection)
    trip = Trip(other.connection, {})
    sent = trip.add(TEXT, [1])
    trip.go()
    gone = weakref.ref(other.connection)
    other.close()
    del trip, sent, other
    gc.collect()
    assert gone() is None
