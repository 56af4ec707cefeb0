"""Time, rows, bytes and parameters are bounded, and the connection is afterwards as it was."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable

import pytest
from django.db import OperationalError, connections, transaction

from tests.host.sql.conftest import GRANT, Run
from wasm_plugins.host.sql.engine import SqlLimits, engine_for
from wasm_plugins.host.sql.errors import SqlFailed, SqlRefused, SqlUnavailable
from wasm_plugins.runtime.values import Variant

pytestmark = pytest.mark.django_db(databases=["default", "sqlite"])

SLOW = "SELECT count(*) FROM " + ", ".join(f"plugin_notes n{at}" for at in range(40))


def _settings(alias: str) -> list[object]:
    with connections[alias].cursor() as cursor:
        if alias == "sqlite":
            raw = connections[alias].connection
            cursor.execute("PRAGMA busy_timeout")
            return [cursor.fetchone(), raw.getlimit(sqlite3.SQLITE_LIMIT_LENGTH)]
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name NOT LIKE 'transaction%' ORDER BY name")
        return list(cursor.fetchall())


def test_a_slow_statement_ends_in_time(run: Run, alias: str) -> None:
    began = time.monotonic()
    with pytest.raises(SqlFailed) as raised:
        run(alias, SLOW, remaining_ms=200)
    assert raised.value.sqlstate in {"57014", "SQLITE_INTERRUPT"}
    assert time.monotonic() - began < 1.2


def test_the_shorter_of_deadline_and_limit_holds(run: Run, alias: str) -> None:
    began = time.monotonic()
    with pytest.raises(SqlFailed):
        run(alias, SLOW, remaining_ms=60_000, limits=SqlLimits(statement_ms=100))
    assert time.monotonic() - began < 1.1


def test_no_time_left_is_refused_before_the_database_is_asked(run: Run, alias: str) -> None:
    with pytest.raises(SqlRefused):
        run(alias, "SELECT 1 AS a", remaining_ms=0)


@pytest.mark.parametrize(
    "sql",
    ["SELECT 1 AS a", "SELECT * FROM host_secret", SLOW, "INSERT INTO plugin_notes (id) VALUES (1)", "SELECT ~"],
)
def test_every_setting_is_as_before_whatever_happened(run: Run, alias: str, sql: str) -> None:
    before = _settings(alias)
    with contextlib.suppress(SqlFailed, SqlRefused):
        run(alias, sql, remaining_ms=100)
    assert _settings(alias) == before


def test_a_stricter_timeout_of_the_host_stays(run: Run) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '50ms'")
        began = time.monotonic()
        with pytest.raises(SqlFailed):
            run("default", SLOW)
        assert time.monotonic() - began < 0.8
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("50ms",)
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_too_many_rows_are_refused(run: Run, alias: str) -> None:
    many = "SELECT a.id FROM " + ", ".join(f"plugin_notes {name}" for name in "abcdefghijk")
    with pytest.raises(SqlRefused):
        run(alias, many)
    assert len(run(alias, many + " LIMIT 1000").rows) == 1_000


def test_too_many_bytes_are_refused(run: Run, alias: str) -> None:
    body = Variant("text", "x" * 600_000)
    run(alias, "UPDATE plugin_notes SET body = $1", [body])
    assert len(run(alias, "SELECT body FROM plugin_notes WHERE id = 1").rows) == 1
    with pytest.raises(SqlRefused):
        run(alias, "SELECT body FROM plugin_notes")


def test_a_value_that_doubles_itself_is_stopped(run: Run, alias: str) -> None:
    sql = "SELECT '0123456789' AS a"
    for _ in range(25):
        sql = f"SELECT s.a || s.a AS a FROM ({sql}) AS s"
    with pytest.raises((SqlRefused, SqlFailed)):
        run(alias, sql)


def test_too_many_rows_from_returning_are_refused_and_undone(
    run: Run, counted: Callable[[str, str], int], alias: str
) -> None:
    with pytest.raises(SqlRefused):
        run(alias, "DELETE FROM plugin_notes RETURNING id", limits=SqlLimits(rows=1))
    assert counted(alias, "plugin_notes") == 2


PARAMETERS = {
    "one missing": ("SELECT $1 AS a, $2 AS b", 1),
    "all missing": ("SELECT $1 AS a", 0),
    "one unused": ("SELECT $1 AS a", 2),
    "all unused": ("SELECT 1 AS a", 1),
    "a gap": ("SELECT $1 AS a, $3 AS c", 3),
    "zero": ("SELECT $0 AS a, $1 AS b", 1),
    "far away": ("SELECT $99 AS a", 1),
    "too many": ("SELECT " + ", ".join(f"${at} AS p{at}" for at in range(1, 34)), 33),
    "not a number": ("SELECT $one AS a", 1),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_that_do_not_fit_the_placeholders_are_refused(run: Run, alias: str, name: str) -> None:
    sql, given = PARAMETERS[name]
    with pytest.raises(SqlRefused):
        run(alias, sql, [Variant("integer", 1)] * given)


def test_as_many_parameters_as_allowed_are_bound_in_order(run: Run, alias: str) -> None:
    sql = "SELECT " + ", ".join(f"$33 - ${at} AS p{at}".replace("$33", "100") for at in range(1, 33))
    result = run(alias, sql, [Variant("integer", at) for at in range(1, 33)])
    assert [value.payload for value in result.rows[0]] == [100 - at for at in range(1, 33)]


def test_without_an_atomic_block_nothing_runs(alias: str, transactional_db: None) -> None:
    engine = engine_for(connections[alias].vendor)
    with pytest.raises(transaction.TransactionManagementError):
        engine.run(alias, "SELECT 1 AS a", [], GRANT, plugin="tester", remaining_ms=1_000, limits=SqlLimits())


def test_a_broken_block_is_not_used(run: Run, alias: str) -> None:
    with pytest.raises(transaction.TransactionManagementError), transaction.atomic(using=alias):
        transaction.set_rollback(True, using=alias)
        run(alias, "SELECT 1 AS a")


def test_an_error_leaves_the_callers_block_usable(run: Run, counted: Callable[[str, str], int], alias: str) -> None:
    with transaction.atomic(using=alias):
        run(alias, "INSERT INTO plugin_notes (id, title) VALUES (20, 'kept')")
        with pytest.raises(SqlFailed):
            run(alias, "INSERT INTO plugin_notes (id, title) VALUES (20, 'twice')")
        run(alias, "INSERT INTO plugin_notes (id, title) VALUES (21, 'kept too')")
    assert counted(alias, "plugin_notes") == 4


def test_a_rollback_of_the_caller_takes_the_plugins_rows_with_it(
    run: Run, counted: Callable[[str, str], int], alias: str
) -> None:
    with transaction.atomic(using=alias):
        run(alias, "INSERT INTO plugin_notes (id, title) VALUES (20, 'gone')")
        transaction.set_rollback(True, using=alias)
    assert counted(alias, "plugin_notes") == 2


def test_messages_hold_no_row_of_the_host(run: Run) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql "
            "AS $$ BEGIN RAISE EXCEPTION '%', (SELECT secret FROM host_secret LIMIT 1); END $$"
        )
        cursor.execute("CREATE TRIGGER tell BEFORE INSERT ON plugin_log FOR EACH ROW EXECUTE FUNCTION tell()")
    with pytest.raises(SqlFailed) as raised:
        run("default", "INSERT INTO plugin_log (id, line) VALUES (2, 'x')")
    assert "do not tell" not in raised.value.reason
    with pytest.raises(SqlFailed) as raised:
        run("default", "INSERT INTO plugin_notes (id, title) VALUES (3, 'first')")
    assert (raised.value.sqlstate, "first" in raised.value.reason) == ("23505", False)


def test_backslashes_that_mean_something_are_refused(run: Run) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SET LOCAL standard_conforming_strings = off")
        with pytest.raises(SqlRefused):
            run("default", r"SELECT '\' AS a")
        cursor.execute("SET LOCAL standard_conforming_strings = on")


def test_a_lock_of_another_connection_is_not_waited_for_long(run: Run) -> None:
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("CREATE TABLE plugin_shared (id integer)")
            cursor.execute("BEGIN; LOCK TABLE plugin_shared")
        began = time.monotonic()
        grant = type(GRANT).from_scope({"tables": {"plugin_shared": ["select"]}})
        with pytest.raises(SqlFailed) as raised:
            run("default", "SELECT id FROM plugin_shared", grant=grant, remaining_ms=5_000)
        assert (raised.value.sqlstate, time.monotonic() - began < 0.9) == ("55P03", True)
    finally:
        with other.cursor() as cursor:
            cursor.execute("ROLLBACK; DROP TABLE plugin_shared")
        other.close()


@pytest.mark.django_db(databases=["default", "sqlite"], transaction=True)
def test_a_lost_connection_is_no_answer(run: Run) -> None:
    connection = connections["default"]
    other = connection.copy()
    try:
        with pytest.raises(OperationalError), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pid = cursor.fetchone()[0]
            with other.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
            run("default", "SELECT id FROM plugin_notes")
    finally:
        other.close()
        connection.close()


@pytest.mark.django_db(databases=["default", "sqlite"], transaction=True)
def test_a_connection_that_was_lost_before_is_no_answer_either(db: None) -> None:
    connection = connections["default"]
    engine = engine_for(connection.vendor)
    with pytest.raises(OperationalError), transaction.atomic():
        connection.connection.close()
        engine.run("default", "SELECT 1 AS a", [], GRANT, plugin="tester", remaining_ms=1_000, limits=SqlLimits())
    connection.close()


def test_an_interrupted_change_on_sqlite_takes_the_whole_block_down(run: Run) -> None:
    """SQLite rolls everything back then; what the host wrote next would be committed on its own."""
    with pytest.raises(OperationalError):
        run("sqlite", "INSERT INTO plugin_log (line) " + SLOW.replace("count(*)", "n0.title"), remaining_ms=100)
    assert connections["sqlite"].needs_rollback
    with pytest.raises(transaction.TransactionManagementError), connections["sqlite"].cursor() as cursor:
        cursor.execute("SELECT 1")


class Stop(BaseException):
    """What a job's time limit raises in the middle of anything."""


def test_a_signal_within_a_callback_comes_out_as_itself(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop() -> float:
        raise Stop

    from wasm_plugins.host.sql import sqlite_run

    monkeypatch.setattr(sqlite_run._Clock, "__call__", _raising(sqlite_run._Clock.__call__, monkeypatch, stop))
    with pytest.raises(Stop):
        run("sqlite", SLOW)
    assert run("sqlite", "SELECT 1 AS a").rows


def _raising(
    look: Callable[..., int], monkeypatch: pytest.MonkeyPatch, stop: Callable[[], float]
) -> Callable[..., int]:
    def interrupted(clock: object) -> int:
        with monkeypatch.context() as patched:
            patched.setattr(time, "monotonic", stop)
            return look(clock)

    return interrupted


def test_the_guard_is_off_again_for_the_host(run: Run) -> None:
    with pytest.raises(SqlRefused):
        run("sqlite", "SELECT * FROM host_secret")
    with connections["sqlite"].cursor() as cursor:
        cursor.execute("SELECT secret FROM host_secret")
        assert cursor.fetchone() == ("do not tell",)
        cursor.execute("CREATE TABLE made_by_host (id integer)")


def test_other_databases_have_no_engine() -> None:
    for vendor in ("mysql", "oracle", "", "postgres"):
        with pytest.raises(SqlUnavailable):
            engine_for(vendor)


def test_without_the_parser_postgresql_has_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("wasm_plugins.host.sql.postgresql")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pglast", None)
    with pytest.raises(SqlUnavailable):
        engine_for("postgresql")
