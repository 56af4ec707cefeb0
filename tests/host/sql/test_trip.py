"""Statements of one trip are run in their order, up to the first that fails, and whatever happens nothing is left."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg import Pipeline
from psycopg.pq import PipelineStatus, TransactionStatus

from wasm_plugins.host.sql import plans
from wasm_plugins.host.sql.trip import Trip

pytestmark = pytest.mark.django_db(transaction=True)

LARGE = "x" * 8_000_000
"""More than the buffers of both ends of a connection hold."""


@pytest.fixture(params=["together", "one by one"])
def raw(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    """Open a connection, with a libpq that has pipeline mode and with one that has not."""
    if request.param == "one by one":
        monkeypatch.setattr(Pipeline, "is_supported", classmethod(lambda cls: False))
    connection.close()
    connection.ensure_connection()
    with connection.connection.transaction():
        yield connection.connection
        if not connection.connection.closed:
            assert connection.connection.pgconn.pipeline_status == PipelineStatus.OFF
    connection.close()


def test_answers_are_those_of_their_statements(raw: psycopg.Connection[Any]) -> None:
    trip = Trip(raw, {})
    first = trip.add("SELECT $1::int8, $2::text", [1, None])
    nothing = trip.add_command("CREATE TEMPORARY TABLE trips (n int)")
    changed = trip.add("INSERT INTO trips SELECT generate_series(1, $1)", [7], keeps=False)
    binary = trip.add("SELECT n FROM trips WHERE n > $1 ORDER BY n", [5], binary=True)
    none = trip.add("SELECT n FROM trips WHERE n > $1", [99])
    trip.go()
    assert first.rows() == [(1, None)]
    assert nothing.is_run
    assert changed.changed == 7
    assert (binary.rows(), none.rows()) == ([(6,), (7,)], [])


@pytest.mark.parametrize(
    ("isolation", "is_read_only", "is_deferrable"),
    [(None, None, None), (psycopg.IsolationLevel.SERIALIZABLE, True, True), ("REPEATABLE_READ", False, False)],
)
def test_a_transaction_that_the_driver_has_not_begun_is_begun_as_it_would(
    raw: psycopg.Connection[Any], isolation: Any, is_read_only: bool | None, is_deferrable: bool | None
) -> None:
    level = psycopg.IsolationLevel[isolation] if isinstance(isolation, str) else isolation
    seen = []
    for through_trip in (False, True):
        other = connection.copy()
        other.ensure_connection()
        other.connection.set_autocommit(False)
        other.connection.set_isolation_level(level)
        other.connection.set_read_only(is_read_only)
        other.connection.set_deferrable(is_deferrable)
        trip = Trip(other.connection, {"prepare_threshold": None})
        text = ", ".join(f"current_setting('transaction_{name}')" for name in ("isolation", "read_only", "deferrable"))
        if through_trip:
            sent = trip.add(f"SELECT {text}", [])
            trip.go()
            seen.append(sent.rows())
        else:
            seen.append(other.connection.execute(f"SELECT {text}").fetchall())
        assert other.connection.info.transaction_status == TransactionStatus.INTRANS
        other.close()
    assert seen[0] == seen[1]


def test_what_follows_a_statement_that_fails_is_not_run(raw: psycopg.Connection[Any]) -> None:
    trip = Trip(raw, {})
    before = trip.add_command("SAVEPOINT before")
    trip.add("SELECT 1 / $1::int4", [0])
    behind = trip.add("SELECT set_config('trips.behind', $1, false)", ["run"])
    with pytest.raises(psycopg.errors.DivisionByZero):
        trip.go()
    assert before.is_run
    assert not behind.is_run
    back = Trip(raw, {})
    back.add_command("ROLLBACK TO SAVEPOINT before")
    seen = back.add("SELECT current_setting('trips.behind', true)", [])
    back.go()
    assert seen.rows()[0][0] in (None, "")


def test_large_values_pass_in_both_directions_at_once(raw: psycopg.Connection[Any]) -> None:
    trip = Trip(raw, {})
    sent = [trip.add("SELECT $1::text, length($2::text)", [LARGE, LARGE], keeps=False) for _ in range(3)]
    trip.go()
    assert [each.rows() for each in sent] == [[(LARGE, len(LARGE))]] * 3


def test_a_parameter_that_cannot_be_written_is_an_error_before_anything_is_sent(raw: psycopg.Connection[Any]) -> None:
    trip = Trip(raw, {})
    trip.add_command("SELECT set_config('trips.sent', 'yes', false)")
    with pytest.raises(psycopg.DataError):
        trip.add("SELECT $1::text", ["\0"])
    assert raw.info.transaction_status == TransactionStatus.INTRANS


@pytest.mark.parametrize("sql", ["COPY (SELECT 1) TO STDOUT", "COPY copied FROM STDIN"])
def test_a_copy_ends_the_connection_instead_of_waiting_for_ever(raw: psycopg.Connection[Any], sql: str) -> None:
    raw.execute("CREATE TEMPORARY TABLE copied (n int)")
    trip = Trip(raw, {})
    trip.add_command(sql)
    with pytest.raises(psycopg.NotSupportedError):
        trip.go()
    assert raw.closed


def test_the_server_says_why_a_connection_ended(raw: psycopg.Connection[Any]) -> None:
    trip = Trip(raw, {})
    trip.add("SELECT pg_terminate_backend(pg_backend_pid())", [], keeps=False)
    behind = trip.add("SELECT 1", [], keeps=False)
    with pytest.raises(psycopg.errors.AdminShutdown):
        trip.go()
    assert not behind.is_run
    assert raw.closed


def test_a_connection_that_was_lost_is_an_error(raw: psycopg.Connection[Any]) -> None:
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [raw.info.backend_pid])
    other.close()
    trip = Trip(raw, {})
    with pytest.raises(psycopg.OperationalError):
        trip.add("SELECT 1", [])
        trip.go()
    assert raw.closed


class Alarm(BaseException):
    """What a signal raises, wherever the work happens to be."""


def _raise(*_: object) -> None:
    raise Alarm


@contextmanager
def interrupted_by(stop: type[BaseException], *, after_s: float) -> Iterator[None]:
    """Raise from a signal's handler while the block runs."""
    before = signal.signal(signal.SIGALRM, _raise if stop is Alarm else signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, after_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("stop", [Alarm, KeyboardInterrupt])
def test_who_is_interrupted_leaves_a_connection_that_answers_or_none(
    raw: psycopg.Connection[Any], stop: type[BaseException]
) -> None:
    trip = Trip(raw, {})
    trip.add_command("SAVEPOINT before")
    slow = trip.add("SELECT pg_sleep($1)", [20], keeps=False)
    trip.add("SELECT 1", [], keeps=False)
    with interrupted_by(stop, after_s=0.2), pytest.raises(stop):
        trip.go()
    assert not slow.is_run
    assert raw.info.transaction_status == TransactionStatus.INERROR
    raw.execute("ROLLBACK TO SAVEPOINT before")
    assert raw.execute("SELECT 7").fetchone() == (7,)


@pytest.mark.parametrize("stop", [Alarm, KeyboardInterrupt])
def test_who_is_interrupted_while_the_server_takes_nothing_gets_what_interrupted(
    raw: psycopg.Connection[Any], stop: type[BaseException]
) -> None:
    """What is behind a statement that sleeps fills the buffers of both ends, and waits to be written."""
    trip = Trip(raw, {})
    trip.add("SELECT pg_sleep($1)", [20], keeps=False)
    for _ in range(3):
        trip.add("SELECT length($1::text)", [LARGE], keeps=False)
    with interrupted_by(stop, after_s=0.3), pytest.raises(stop):
        trip.go()
    assert raw.closed or raw.info.transaction_status == TransactionStatus.INERROR


def test_what_libpq_refuses_to_send_leaves_no_half_of_a_trip(raw: psycopg.Connection[Any]) -> None:
    trip = Trip(raw, {})
    trip.add("SELECT 1", [], keeps=False)
    trip.add("SELECT 1", [None] * 70_000, keeps=False)
    with pytest.raises(psycopg.OperationalError):
        trip.go()
    assert raw.closed or raw.execute("SELECT 7").fetchone() == (7,)


def test_who_is_interrupted_while_it_sends_leaves_nothing_that_somebody_else_could_find(
    raw: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    trip = Trip(raw, {})
    trip.add("SELECT 1", [], keeps=False)
    half = trip.add("SELECT 2", [], keeps=False)
    monkeypatch.setattr(half, "send", _raise)
    with pytest.raises(Alarm):
        trip.go()
    assert raw.closed or raw.execute("SELECT 7").fetchone() == (7,)


def test_nobody_else_uses_the_connection_meanwhile(raw: psycopg.Connection[Any]) -> None:
    """Django forbids it between threads, psycopg makes them wait, and so does this."""
    trip = Trip(raw, {})
    answers: list[Any] = []
    trip.add("SELECT pg_sleep($1)", [0.5], keeps=False)
    other = threading.Timer(0.1, lambda: answers.append(raw.execute("SELECT 7").fetchone()))
    other.start()
    trip.go()
    other.join()
    assert answers == [(7,)]


def test_no_plan_is_asked_for_where_none_is_wanted(raw: psycopg.Connection[Any]) -> None:
    trip = Trip(raw, {"prepare_threshold": None})
    trip.add("SELECT $1::int8", [1])
    trip.go()
    assert not plans.plans_of(raw)._names
