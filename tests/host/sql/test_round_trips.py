"""How often a plugin's statement waits for PostgreSQL, and what is left of one that fails."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction

from wasm_plugins.host.sql import postgresql_answer
from wasm_plugins.host.sql.engine import SqlLimits, SqlResult, engine_for
from wasm_plugins.host.sql.errors import SqlFailed, SqlRefused
from wasm_plugins.host.sql.postgresql_session import Armed, armed
from wasm_plugins.runtime.values import Variant
from wasm_plugins.scopes.tables import TableGrant

from .conftest import ALL_WALLS, GRANT, Run

pytestmark = pytest.mark.django_db(databases=["default", "sqlite"])


class Trace:
    """What libpq noted of the messages that went over the connection."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def trips(self) -> int:
        """How often the server was asked to answer and then waited for; forget them."""
        connection.connection.pgconn.untrace()  # writes what is held back
        lines = self._file.read_text().splitlines()
        self.begin()
        return sum("ReadyForQuery" in line for line in lines)

    def begin(self) -> None:
        """Note from now on."""
        with self._file.open("wb") as file:
            connection.connection.pgconn.trace(os.dup(file.fileno()))


def run_again(sql: str, params: Sequence[object] = ()) -> None:
    """Run a statement as the fixture ``run`` does, but make no role for it first."""
    engine_for("postgresql").run("default", sql, params, GRANT, plugin="tester", remaining_ms=1_000, limits=SqlLimits())


@pytest.fixture
def no_plans() -> None:
    """Have no plans on the connection that tests before this one left there."""
    connection.ensure_connection()
    connection.connection.pgconn.exec_(b"DEALLOCATE ALL")


@pytest.fixture
def trace(run: Run, tmp_path: Path) -> Iterator[Trace]:
    """Note what goes over the connection, once the plugin has its role where it is to have one."""
    run("default", "SELECT id FROM plugin_notes")
    trace = Trace(tmp_path / "trace")
    trace.begin()
    yield trace
    connection.connection.pgconn.untrace()


@pytest.mark.parametrize("walls", ALL_WALLS, indirect=True)
@pytest.mark.parametrize(
    ("sql", "most"),
    [
        ("SELECT title FROM plugin_notes WHERE id = $1", 1),
        ("UPDATE plugin_notes SET points = points + $1", 1),
        ("UPDATE plugin_notes SET points = points + $1 RETURNING id", 2),  # it may have to be undone for its answer
    ],
)
def test_a_statement_takes_as_few_round_trips_as_can_be(run: Run, trace: Trace, sql: str, most: int) -> None:
    run_again(sql, [1])
    trace.trips()
    run_again(sql, [1])
    assert trace.trips() == most


def timeouts() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
        return set(cursor.fetchone())


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("INSERT INTO plugin_notes (id, title) VALUES (1, 'again')", SqlFailed),
        ("UPDATE plugin_notes SET points = 1 / (points - points)", SqlFailed),
        ("SELECT missing FROM plugin_notes", SqlFailed),
        ("SELECT a.id FROM " + ", ".join(f"plugin_notes {name}" for name in "abcdefghijk"), SqlRefused),
        (
            "INSERT INTO plugin_log (id, line) SELECT id + 9, repeat('x', 700000) FROM plugin_notes RETURNING line",
            SqlRefused,
        ),
    ],
)
def test_one_that_fails_leaves_the_transaction_as_it_was(run: Run, sql: str, error: type[Exception]) -> None:
    before = timeouts()
    with pytest.raises(error):
        run("default", sql)
    assert timeouts() == before
    assert run("default", "SELECT count(*) AS n FROM plugin_notes").rows == ((Variant("integer", 2),),)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM plugin_log")
        assert cursor.fetchone() == (1,)
        with pytest.raises(Exception, match="savepoint"), connection.wrap_database_errors:
            connection.connection.execute("RELEASE SAVEPOINT wasm_plugins_statement")


@pytest.mark.usefixtures("no_plans")
def test_a_statement_that_came_often_follows_a_column_to_its_new_type(run: Run) -> None:
    """The table changes behind the driver's back, as it does in a migration that runs elsewhere."""
    sql = "SELECT count(*) AS n FROM plugin_notes WHERE points > $1 AND title <> $2"
    for _ in range(8):
        run_again(sql, [9, "none"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%plugin_notes%'")
        assert cursor.fetchone() == (1,)
    connection.connection.pgconn.exec_(b"ALTER TABLE plugin_notes ALTER points TYPE numeric")
    connection.connection.pgconn.exec_(b"ALTER TABLE plugin_notes ALTER title TYPE integer USING id")
    assert run("default", sql, [Variant("integer", 9), Variant("integer", 8)]).rows == ((Variant("integer", 2),),)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM plugin_notes WHERE id IN (SELECT id FROM plugin_prices)",
        "SELECT id FROM plugin_notes WHERE id IN (" + ", ".join(map(str, range(200))) + ")",
        "SELECT cents FROM plugin_prices WHERE id = 1 AND 'plugin_notes' <> ''",
    ],
    ids=["with a sub-select", "long", "of a view"],
)
def test_no_plan_is_kept_that_may_be_large(run: Run, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE plugin_prices RENAME TO all_prices")
        cursor.execute("CREATE VIEW plugin_prices AS SELECT * FROM all_prices")
        cursor.execute("DEALLOCATE ALL")
    for _ in range(8):
        run("default", sql)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%plugin_notes%'")
        assert cursor.fetchone() == (0,)


@pytest.fixture
def asked_in_vain(run: Run, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give a statement whose answer has a type that the server has to be asked for, and have that fail."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE DOMAIN plugin_points AS integer")
        cursor.execute("ALTER TABLE plugin_notes ALTER points TYPE plugin_points")
    assert run("default", "SELECT points FROM plugin_notes WHERE id = 1").rows == ((Variant("integer", 10),),)
    monkeypatch.setattr(postgresql_answer, "_BASE_TYPES", "SELECT $1::int8[], 1 / 0")
    return "SELECT points FROM plugin_notes WHERE id = 1"


def test_an_answer_that_cannot_be_read_leaves_the_transaction_as_it_was(run: Run, asked_in_vain: str) -> None:
    with pytest.raises(SqlFailed):
        run_again(asked_in_vain)
    assert run("default", "SELECT count(*) AS n FROM plugin_notes").rows == ((Variant("integer", 2),),)


@pytest.mark.parametrize(
    "sql", ["SELECT points FROM plugin_notes", "UPDATE plugin_notes SET points = 1 RETURNING points"]
)
def test_what_cannot_be_undone_is_no_answer_for_a_plugin(
    run: Run, asked_in_vain: str, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its caller would go on otherwise, and lose all that it did at its COMMIT without a word."""
    command = Armed._command

    def without_the_way_back(self: Armed, *texts: str) -> None:
        command(self, *("SELECT 1 / 0" if text.startswith("ROLLBACK") else text for text in texts))

    monkeypatch.setattr(Armed, "_command", without_the_way_back)
    with pytest.raises(OperationalError), transaction.atomic():
        run_again(sql)


class Stop(BaseException):
    """What RQ raises when a job's time is over."""


def test_who_is_stopped_on_the_way_back_keeps_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(self: Armed, *texts: str) -> None:
        raise Stop

    with transaction.atomic():
        with pytest.raises(Stop), armed(connection, set(), None, 1_000, SqlLimits()):
            monkeypatch.setattr(Armed, "_command", stopped)
            raise SqlRefused("any")
        assert connection.needs_rollback


def test_a_plan_that_could_not_be_made_is_made_the_next_time(run: Run) -> None:
    sql = "SELECT title FROM plugin_notes WHERE id = $1"
    for _ in range(5):
        run_again(sql, [1])
    rename = b"ALTER TABLE plugin_notes RENAME TO gone"
    session = connection.connection.pgconn
    begin = Armed.begin

    def begin_then_lose_the_table(self: Armed) -> None:
        begin(self)
        session.exec_(rename)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SqlFailed):
        patch.setattr(Armed, "expect", lambda self: False)
        patch.setattr(Armed, "begin", begin_then_lose_the_table)
        run_again(sql, [1])
    for _ in range(2):
        run_again(sql, [1])


def test_a_value_that_cannot_be_written_costs_the_transaction_nothing(run: Run) -> None:
    """Nothing has been sent then, so there is no savepoint to go back to either."""
    for _ in range(2):
        with pytest.raises(SqlFailed):
            run_again("SELECT title FROM plugin_notes WHERE title = $1", ["\0"])
    assert not connection.needs_rollback
    assert run("default", "SELECT count(*) AS n FROM plugin_notes").rows == ((Variant("integer", 2),),)


@pytest.mark.parametrize("walls", ALL_WALLS, indirect=True)
def test_a_host_that_discards_all_plans_is_not_noticed_by_a_plugin(run: Run) -> None:
    sql = "SELECT title FROM plugin_notes WHERE id = $1"
    run("default", "SELECT id FROM plugin_notes")
    for _ in range(8):
        run_again(sql, [1])
        connection.connection.pgconn.exec_(b"DEALLOCATE ALL")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone() == (0,)
    run_again(sql, [1])


@pytest.mark.django_db(transaction=True, databases=["default", "sqlite"])
@pytest.mark.usefixtures("tables")
def test_a_host_that_discards_plans_that_failed_loses_nothing_of_its_own() -> None:
    """Among them are some that the server was still to be told to drop."""
    for _ in range(8):
        with transaction.atomic(), pytest.raises(SqlFailed):
            run_again("INSERT INTO plugin_notes (id, title) VALUES (1, 'again')")
    with connection.cursor() as cursor:
        cursor.execute("DISCARD ALL")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO plugin_log (id, line) VALUES (9, 'of the host')")
        run_again("SELECT title FROM plugin_notes WHERE id = $1", [1])
    with connection.cursor() as cursor:
        cursor.execute("SELECT line FROM plugin_log WHERE id = 9")
        assert cursor.fetchone() == ("of the host",)


def test_a_host_with_a_pipeline_of_its_own_is_told_and_loses_no_answer(run: Run) -> None:
    with connection.connection.pipeline():
        own = connection.connection.execute("SELECT 7")
        with pytest.raises(SqlRefused):
            run_again("SELECT title FROM plugin_notes WHERE id = $1", [1])
        assert own.fetchone() == (7,)
    run_again("SELECT title FROM plugin_notes WHERE id = $1", [1])


class Alarm(Exception):
    """As RQ's timeout, which a signal raises wherever the work happens to be."""


@pytest.mark.parametrize("times_before", [0, 3], ids=["asked for first", "known"])
def test_a_signal_in_the_midst_of_a_statement_arrives_as_what_it_is(run: Run, times_before: int) -> None:
    """And the server does not go on with it."""
    sql = "SELECT count(*) AS n FROM " + ", ".join(f"generated {name}" for name in "abcdef")
    grant = TableGrant.from_scope({"tables": {"generated": ["select"]}})
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE generated AS SELECT n FROM generate_series(1, 60) n")

    def ask(text: str) -> SqlResult:
        limits = SqlLimits(statement_ms=5_000)
        return engine_for("postgresql").run(
            "default", text, [], grant, plugin="tester", remaining_ms=9_000, limits=limits
        )

    for _ in range(times_before):
        ask("SELECT n FROM generated WHERE n = 1")
    before = signal.signal(signal.SIGALRM, raise_alarm)
    try:
        with pytest.raises(Alarm), transaction.atomic():
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            ask(sql)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert timeouts() == {"0"}


def raise_alarm(*_: object) -> None:
    """Do what RQ does when a job's time is over."""
    raise Alarm


def test_an_error_that_the_host_is_handling_is_not_taken_for_a_signal(run: Run) -> None:
    try:
        raise Alarm
    except Alarm:
        for _ in range(3):
            with pytest.raises(SqlFailed):
                run_again("UPDATE plugin_notes SET points = 1 / (points - points)")
