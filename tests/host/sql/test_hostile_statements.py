"""No hostile statement runs, and what it aimed at is as it was."""

from __future__ import annotations

import pytest
from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

from tests.host.sql.conftest import TABLES, Run
from tests.host.sql.hostile import EVERYWHERE, POSTGRESQL, SQLITE, lines
from wasm_plugins.host.sql.errors import SqlFailed, SqlRefused
from wasm_plugins.scopes.tables import TableGrant

pytestmark = pytest.mark.django_db(databases=["default", "sqlite"])

CASES = [
    *[("default", sql) for sql in lines(EVERYWHERE) + lines(POSTGRESQL)],
    *[("sqlite", sql) for sql in lines(EVERYWHERE) + lines(SQLITE)],
]


def _everything(alias: str) -> list[list[tuple[object, ...]]]:
    with connections[alias].cursor() as cursor:
        return [_rows(cursor, f"SELECT * FROM {table} ORDER BY id") for table in TABLES]


def _rows(cursor: CursorWrapper, sql: str) -> list[tuple[object, ...]]:
    cursor.execute(sql)
    return list(cursor.fetchall())


@pytest.fixture
def traps(tables: None) -> None:
    """Add what a careless host function or trigger would give away."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION secret_of(note plugin_notes) RETURNS text LANGUAGE sql "
            "AS 'SELECT secret FROM host_secret LIMIT 1'"
        )
        cursor.execute("CREATE DOMAIN secret_type AS text")
    with connections["sqlite"].cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER notes_guard AFTER INSERT ON plugin_notes "
            "BEGIN INSERT INTO plugin_log (line) SELECT secret FROM host_secret; END"
        )


@pytest.mark.parametrize(("alias", "sql"), CASES, ids=[f"{alias}: {sql}"[:80] for alias, sql in CASES])
def test_a_hostile_statement_is_refused_and_changes_nothing(traps: None, run: Run, alias: str, sql: str) -> None:
    before = _everything(alias)
    with pytest.raises(SqlRefused):
        run(alias, sql)
    assert _everything(alias) == before
    assert run(alias, "SELECT id FROM plugin_notes WHERE id = 1").rows
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute("UPDATE host_secret SET secret = 'still the host''s'")
        assert cursor.rowcount == 1


LOADS = {
    "a long chain": "SELECT " + "+".join(["1"] * 8_000),
    "brackets": "SELECT " + "(" * 7_000 + "1" + ")" * 7_000,
    "negations": "SELECT " + "NOT " * 4_000 + "true",
    "minus signs": "SELECT " + "- " * 7_000 + "1",
    "a megabyte": "SELECT '" + "x" * 1_000_000 + "'",
    "a huge list": "SELECT 1 WHERE 1 IN (" + ",".join(["1"] * 100_000) + ")",
    "many unions": " UNION ALL ".join(["SELECT 1"] * 600),
    "many casts": "SELECT 1" + "::int" * 2_000,
    "nested selects": "SELECT (" * 900 + "SELECT 1" + ")" * 900,
    "a NUL": "SELECT 1\0; DELETE FROM plugin_notes",
    "a lone surrogate": "SELECT '\ud800'",
}


@pytest.mark.parametrize("name", LOADS)
def test_a_load_for_the_parser_is_refused_before_it_hurts(run: Run, alias: str, name: str) -> None:
    with pytest.raises(SqlRefused):
        run(alias, LOADS[name])


def test_a_constant_that_the_deparser_forgot_to_quote_never_reaches_the_server(run: Run) -> None:
    sql = 'SELECT EXTRACT("year from now()), pg_sleep(10) --" FROM now())'
    with pytest.raises(SqlRefused):
        run("default", sql)


def test_an_attribute_is_never_a_call_of_a_function(traps: None, run: Run) -> None:
    """Without the check of columns, PostgreSQL itself reads ``n.secret_of`` as ``secret_of(n)``."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT n.secret_of FROM plugin_notes n LIMIT 1")
        assert cursor.fetchone() == ("do not tell",)
    with pytest.raises(SqlRefused):
        run("default", "SELECT n.secret_of FROM plugin_notes n")


def test_a_function_of_the_host_never_stands_in_for_a_builtin(traps: None, run: Run) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION lower(note plugin_notes) RETURNS text LANGUAGE sql "
            "AS 'SELECT secret FROM host_secret LIMIT 1'"
        )
    with pytest.raises(SqlFailed) as raised:
        run("default", "SELECT lower(n) FROM plugin_notes n")
    assert raised.value.sqlstate == "42883"


def test_what_a_trigger_of_the_host_does_is_the_hosts_business(traps: None, run: Run) -> None:
    run("sqlite", "INSERT INTO plugin_notes (id, title) VALUES (40, 'forty')")
    with connections["sqlite"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM plugin_log WHERE line = 'do not tell'")
        assert cursor.fetchone() == (1,)


def test_a_granted_view_answers_without_its_tables_being_granted(tables: None, run: Run) -> None:
    grant = TableGrant.from_scope({"tables": {"plugin_hints": ["select"]}})
    for alias in ("default", "sqlite"):
        with connections[alias].cursor() as cursor:
            cursor.execute("CREATE VIEW plugin_hints AS SELECT id, length(secret) AS hint FROM host_secret")
        result = run(alias, "SELECT h.hint FROM plugin_hints h", grant=grant)
        assert [value.payload for value in result.rows[0]] == [11]
        with pytest.raises(SqlRefused):
            run(alias, "SELECT secret FROM plugin_hints, host_secret", grant=grant)


DOUBLING = {
    "derived tables": ("SELECT '0123456789' AS a", "SELECT s.a || s.a AS a FROM ({0}) AS s"),
    "without an alias": ("SELECT '0123456789' AS a", "SELECT a || a AS a FROM ({0}) AS s"),
    "quoted": ("SELECT '0123456789' AS \"a\"", 'SELECT "a" || "a" AS "a" FROM ({0}) AS s'),
    "in scalars": ("SELECT 1 AS a", "SELECT a + a + (SELECT a) AS a FROM ({0}) AS s"),
}


@pytest.mark.parametrize("name", DOUBLING)
def test_sub_selects_that_double_each_other_are_refused_before_the_planner_merges_them(
    run: Run, alias: str, name: str
) -> None:
    sql, around = DOUBLING[name]
    for _ in range(25):
        sql = around.format(sql)
    with pytest.raises(SqlRefused):
        run(alias, sql)
