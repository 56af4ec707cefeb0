"""What was found before one statement is expected before the next, and the server says when it is not so any more."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import pytest
from django.db import connection, connections, transaction

from wasm_plugins.host.sql import postgresql_known, roles_apply
from wasm_plugins.host.sql.engine import SqlLimits, SqlResult, engine_for
from wasm_plugins.host.sql.errors import SqlFailed, SqlRefused, SqlUnavailable
from wasm_plugins.host.sql.postgresql_session import Armed, Attempt
from wasm_plugins.host.sql.runner import role_of
from wasm_plugins.runtime.values import Variant

from .conftest import GRANT, give_role

pytestmark = [pytest.mark.django_db(databases=["default", "sqlite"]), pytest.mark.usefixtures("tables")]

ONE = "SELECT title FROM plugin_notes WHERE id = $1"
LEAK = "CREATE FUNCTION title(plugin_notes) RETURNS text LANGUAGE sql AS $$ SELECT secret FROM host_secret $$"


def run(sql: str = ONE, params: Sequence[object] = (1,)) -> SqlResult:
    """Run a statement of the plugin's."""
    return engine_for("postgresql").run(
        "default", sql, params, GRANT, plugin="tester", remaining_ms=1_000, limits=SqlLimits()
    )


def title(sql: str = ONE, params: Sequence[object] = (1,)) -> object:
    """Return the one value of the answer."""
    ((value,),) = run(sql, params).rows
    assert isinstance(value, Variant)
    return value.payload


def by_host(*statements: str) -> None:
    """Do something on the same connection, as the host may at any time."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Armed]:
    """Have nothing known yet, and note the statements before which the server has to be asked."""
    asked: list[Armed] = []
    begin = Armed.begin

    def noted(self: Armed) -> None:
        asked.append(self)
        begin(self)

    monkeypatch.setattr(Armed, "begin", noted)
    monkeypatch.setattr(postgresql_known, "_known", WeakKeyDictionary())
    return asked


def test_what_is_as_it_was_is_not_asked_for_again(begun: list[Armed]) -> None:
    assert [title() for _ in range(4)] == ["first"] * 4
    assert len(begun) == 1


def test_a_statement_of_no_table_and_one_of_several_are_known_too(begun: list[Armed]) -> None:
    several = "SELECT n.title FROM plugin_notes n JOIN plugin_prices p ON p.id = n.id WHERE n.id = $1"
    for _ in range(3):
        assert title("SELECT 'none' AS title WHERE $1 = 1") == "none"
        assert title(several) == "first"
    assert len(begun) == 2


def test_another_search_path_leads_to_other_tables(begun: list[Armed]) -> None:
    """As with one schema per tenant."""
    assert title() == "first"
    by_host(
        "CREATE SCHEMA other_tenant",
        "CREATE TABLE other_tenant.plugin_notes (LIKE plugin_notes)",
        "INSERT INTO other_tenant.plugin_notes (id, title) VALUES (1, 'theirs')",
        "SET search_path TO other_tenant, public",
    )
    assert title() == "theirs"
    by_host("SET search_path TO public")
    assert title() == "first"
    assert len(begun) > 1


def test_a_temporary_table_of_the_name_is_not_taken_for_the_old_one() -> None:
    assert title() == "first"
    by_host("CREATE TEMPORARY TABLE plugin_notes (id integer, title text)")
    assert run().rows == ()


def test_a_table_that_went_away_is_missed_and_found_when_it_is_back() -> None:
    assert title() == "first"
    by_host("ALTER TABLE plugin_notes RENAME TO away")
    with pytest.raises(SqlRefused):
        run()
    by_host("ALTER TABLE away RENAME TO plugin_notes")
    assert title() == "first"


def test_a_column_that_came_since_is_there() -> None:
    sql = "SELECT n.extra FROM plugin_notes n WHERE n.id = $1"
    assert title() == "first"
    with pytest.raises(SqlRefused):
        run(sql)
    by_host("ALTER TABLE plugin_notes ADD COLUMN extra text DEFAULT 'new'")
    assert title(sql) == "new"


@pytest.mark.django_db(transaction=True, databases=["default", "sqlite"])
def test_a_column_that_went_away_is_not_taken_for_a_function_by_who_sees_the_past() -> None:
    """Names in a statement are read as they are now, whatever the transaction sees of the catalogue."""
    sql = "SELECT n.title FROM plugin_notes n WHERE n.id = $1"
    other = connections["default"].copy("default")
    try:
        with transaction.atomic():
            by_host("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM host_secret")
            with other.cursor() as cursor:
                cursor.execute("ALTER TABLE plugin_notes DROP COLUMN title")
                cursor.execute(LEAK)
            for _ in range(2):
                with pytest.raises(SqlRefused):
                    run(sql)
    finally:
        with other.cursor() as cursor:
            cursor.execute("DROP FUNCTION IF EXISTS title(plugin_notes)")
        other.close()


def test_a_column_that_went_away_is_not_taken_for_a_function() -> None:
    sql = "SELECT n.title FROM plugin_notes n WHERE n.id = $1"
    assert title(sql) == "first"
    by_host(
        "ALTER TABLE plugin_notes DROP COLUMN title",
        LEAK,
    )
    with pytest.raises(SqlRefused):
        run(sql)


def test_timeouts_that_the_host_changed_are_the_hosts_again_afterwards() -> None:
    assert title() == "first"
    for wanted in ("7s", "350ms"):
        by_host(f"SET LOCAL statement_timeout TO '{wanted}'", f"SET LOCAL lock_timeout TO '{wanted}'")
        assert title() == "first"
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
            assert cursor.fetchone() == (wanted, wanted)


def test_a_division_by_zero_of_the_statement_is_its_own(begun: list[Armed]) -> None:
    sql = "UPDATE plugin_notes SET points = 1 / (points - points) WHERE id = $1"
    for _ in range(3):
        with pytest.raises(SqlFailed, match="division by zero"):
            run(sql)
        assert title() == "first"
    assert len(begun) == 1


def test_a_plugin_that_gets_a_role_uses_it_from_then_on(begun: list[Armed]) -> None:
    assert title() == "first"
    give_role("default", GRANT)
    assert [title() for _ in range(2)] == ["first"] * 2
    assert len(begun) == 2
    narrowed = GRANT.from_scope({"tables": {"plugin_log": ["insert"]}})
    give_role("default", narrowed)
    with pytest.raises(SqlFailed, match="permission denied"):
        run()


def test_a_role_that_went_away_is_missed(settings: object) -> None:
    give_role("default", GRANT)
    settings.WASM_PLUGINS_DATABASE_RUNNER = "required"  # type: ignore[attr-defined]
    assert title() == "first"
    roles_apply.apply("default", ["DROP FUNCTION " + _function()])
    with pytest.raises(SqlUnavailable):
        run()


def _function() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'wasm_plugins_runner'::regnamespace"
        )
        return str(cursor.fetchone()[0])


def test_other_parameters_of_a_known_statement_are_understood_before_anything_is_sent() -> None:
    """To ask for their types can fail, and outside of a savepoint that would be the transaction's end."""
    give_role("default", GRANT)
    assert title() == "first"
    with pytest.raises(SqlFailed):
        run(ONE, ["no number"])
    with pytest.raises(SqlFailed):
        run("SELECT title FROM plugin_notes WHERE body = id AND title = $1", ["x"])
    assert title() == "first"


def test_another_connection_expects_nothing(begun: list[Armed]) -> None:
    assert title() == "first"
    other = connections["default"].copy("default")
    role = role_of("tester", connection.settings_dict["NAME"])
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT 1")
        asked = [Armed(each, role, ["plugin_notes"], 1_000, 100, Attempt.EXPECTING) for each in (connection, other)]
        assert [each.expect() for each in asked] == [True, False]
    finally:
        other.close()


def test_where_it_is_otherwise_again_and_again_it_is_asked_for_first(begun: list[Armed]) -> None:
    """Else every second statement would stand as an error in the server's log, and leave a plan behind."""
    missed = []
    for second in range(20):
        by_host(f"SET LOCAL statement_timeout TO '{10 + second}s'")
        before = len(begun)
        assert title() == "first"
        missed.append(len(begun) - before)
    assert missed == [1] * 20
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%THEN 1 ELSE 0 END%'")
        assert cursor.fetchone()[0] <= 3


def test_statements_that_fail_leave_the_server_a_bounded_number_of_plans() -> None:
    for number in range(40):
        sql = f"SELECT title, {number} AS n FROM plugin_notes WHERE id = 1 / (points - points) AND id = $1"
        for _ in range(8):
            with pytest.raises(SqlFailed, match="division by zero"):
                run(sql)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone()[0] < 200
    assert title() == "first"
