"""Statements that ask for too much time, memory or parser, and parameters and values that do not fit."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connections

from tests.host.sql.conftest import GRANT
from tests.hostile.sql.conftest import Place
from wasm_plugins.host.sql.errors import SqlFailed, SqlRefused
from wasm_plugins.host.sql.values import to_database, to_json_rows
from wasm_plugins.runtime.values import Variant
from wasm_plugins.scopes.tables import TableGrant

pytestmark = pytest.mark.django_db(databases=["default", "sqlite"])

LATE_S = 2.0
"""A statement ends at most a second after its limit of one second."""

CROSS_JOIN = "SELECT count(*) AS n FROM " + ", ".join(f"plugin_notes n{at}" for at in range(40))

REFUSED_AS_SLOW = [
    "SELECT pg_sleep(10)",
    "SELECT pg_sleep_for('10 s')",
    "SELECT * FROM generate_series(1, 10000000000)",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
    "SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' ~ '(a+)+$' AS b",
    "SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' REGEXP '(a+)+$' AS b",
]


@pytest.mark.parametrize("sql", REFUSED_AS_SLOW)
def test_sq_14_what_only_takes_time_is_refused(place: Place, sql: str) -> None:
    began = time.monotonic()
    place.refuses(sql)
    assert time.monotonic() - began < LATE_S


LONG = 100_000

FOR_MINUTES = {
    "strpos": ("SELECT strpos($1, $2) AS x", "a" * 2 * LONG, "b" + "a" * LONG),
    "position": ("SELECT position($2 IN $1) AS x", "a" * 2 * LONG, "b" + "a" * LONG),
    "replace": ("SELECT length(replace($1, $2, '')) AS x", "a" * 2 * LONG, "b" + "a" * LONG),
    "split_part": ("SELECT split_part($1, $2, 1) AS x", "a" * 2 * LONG, "b" + "a" * LONG),
    "btrim": ("SELECT trim($1, $2) AS x", "a" * 2 * LONG, "b" * LONG + "a"),
    "instr": ("SELECT instr($1, $2) AS x", "a" * 2 * LONG, "a" * LONG + "b"),
    "like": ("SELECT $1 LIKE $2 AS x", "a" * 2 * LONG, "%" + "a" * LONG + "b%"),
    "ilike": ("SELECT $1 ILIKE $2 AS x", "a" * 2 * LONG, "%" + "a" * LONG + "b%"),
    "like any": ("SELECT $1 LIKE ANY (ARRAY[$2]) AS x", "a" * 2 * LONG, "%" + "a" * LONG + "b%"),
    "like by its operator": ("SELECT $1 ~~ $2 AS x", "a" * 2 * LONG, "%" + "a" * LONG + "b%"),
    "like built": ("SELECT $1 LIKE concat($2, $2) AS x", "a" * 2 * LONG, "%" + "a" * 150),
    "like escape": ("SELECT $1 LIKE $2 ESCAPE '!' AS x", "a" * 2 * LONG, "%" + "a" * LONG + "b%"),
    "containment": ("SELECT $1::jsonb @> $2::jsonb AS x", "[1]", "[2]"),
}


@pytest.mark.parametrize("case", FOR_MINUTES)
def test_sq_14_what_no_timeout_interrupts_is_refused(place: Place, case: str) -> None:
    """Each was measured to go on for minutes on the server, after its statement was cancelled and its client gone."""
    sql, *texts = FOR_MINUTES[case]
    began = time.monotonic()
    by_now = (SqlRefused, SqlFailed) if place.alias == "sqlite" else SqlRefused  # SQLite measures patterns itself
    with pytest.raises(by_now):
        place.ask(sql, [Variant("text", text) for text in texts])
    assert time.monotonic() - began < LATE_S


def test_sq_14_a_cross_join_ends_at_its_limit(place: Place) -> None:
    before, began = place.state(), time.monotonic()
    with pytest.raises(SqlFailed) as raised:
        place.ask(CROSS_JOIN)
    assert time.monotonic() - began < LATE_S
    assert raised.value.sqlstate in {"57014", "SQLITE_INTERRUPT"}
    assert place.state() == before


@contextmanager
def locked_by_the_host() -> Iterator[None]:
    """Have another connection of the host hold a row's lock."""
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("CREATE TABLE plugin_shared (id integer PRIMARY KEY, n integer)")
            cursor.execute("INSERT INTO plugin_shared VALUES (1, 1)")
            cursor.execute("BEGIN; SELECT * FROM plugin_shared FOR UPDATE")
        yield
    finally:
        with other.cursor() as cursor:
            cursor.execute("ROLLBACK; DROP TABLE plugin_shared")
        other.close()


@pytest.mark.parametrize("walls", ["proof", "both"])
def test_sq_14_a_row_lock_of_the_host_is_waited_for_a_quarter_of_a_second(walls: str, run: object) -> None:
    from tests.host.sql.conftest import give_role
    from wasm_plugins.host.sql.engine import SqlLimits, engine_for

    connection = connections["default"]
    grant = TableGrant.from_scope({"tables": {"plugin_shared": ["select", "update"]}})
    with locked_by_the_host(), connection.cursor() as cursor:
        cursor.execute("SAVEPOINT before_role")
        if walls == "both":
            give_role("default", grant)
        began = time.monotonic()
        with pytest.raises(SqlFailed) as raised:
            engine_for("postgresql").run(
                "default",
                "UPDATE plugin_shared SET n = 2 WHERE id = 1",
                [],
                grant,
                plugin="tester",
                remaining_ms=5_000,
                limits=SqlLimits(),
            )
        assert (raised.value.sqlstate, time.monotonic() - began < 1.0) == ("55P03", True)
        cursor.execute("ROLLBACK TO SAVEPOINT before_role")


TWENTY = ", ".join(f"plugin_notes n{at}" for at in range(20))
BOMBS = {
    "ten million rows": "SELECT a.id FROM "
    + ", ".join(f"plugin_notes {letter}" for letter in "abcdefghijklmnopqrstuvwx"),
    "a long text": "SELECT repeat('x', 500000000) AS a",
    "a doubled text": "SELECT " + " || ".join(["$1"] * 2) + " AS a",
    "1,600 columns": "SELECT " + ", ".join(f"id AS c{at}" for at in range(1_600)) + " FROM plugin_notes",
    "a large array": f"SELECT array_agg(n0.id) AS a FROM {TWENTY}",
    "a blob of zeros": "SELECT zeroblob(900000000) AS a",
}


@pytest.mark.parametrize("name", BOMBS)
def test_sq_15_a_large_answer_is_refused_and_costs_no_memory(place: Place, name: str) -> None:
    sql = BOMBS[name]
    params = [Variant("text", "x" * 1_000_000)] if "$1" in sql else []
    before, peak_kib = place.state(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises((SqlRefused, SqlFailed)):
        place.ask(sql, params)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_kib < 100_000
    assert place.state() == before


@pytest.mark.parametrize("depth", [100, 1_000, 7_000])
def test_sq_15_deep_json_is_refused_or_stays_a_text(postgresql: Place, depth: int) -> None:
    try:
        result = postgresql.ask(f"SELECT CAST('{'[' * depth}{']' * depth}' AS jsonb) AS a")
    except (SqlRefused, SqlFailed):
        return
    assert result.rows == ((Variant("json", "[" * depth + "]" * depth),),)
    assert len(to_json_rows(result.columns, result.rows)) < 15_000


LOADS = {
    "a megabyte": "SELECT '" + "x" * 1_000_000 + "' AS a",
    "a long sum": "SELECT " + "1+" * 24_000 + "1 AS a",
    "a sum below the limit of bytes": "SELECT " + "1+" * 8_000 + "1 AS a",
    "parentheses": "SELECT " + "(" * 100_000 + "1" + ")" * 100_000 + " AS a",
    "parentheses below the limit of bytes": "SELECT " + "(" * 8_000 + "1" + ")" * 8_000 + " AS a",
    "negations": "SELECT " + "NOT " * 100_000 + "true AS a",
    "negations below the limit of bytes": "SELECT " + "NOT " * 4_000 + "true AS a",
    "a long list": "SELECT id FROM plugin_notes WHERE id IN (" + ",".join(map(str, range(100_000))) + ")",
    "minus signs": "SELECT " + "- " * 8_000 + "1 AS a",
    "cases": "SELECT " + "CASE WHEN 1 = 1 THEN " * 700 + "1" + " END" * 700 + " AS a",
}


@pytest.mark.parametrize("name", LOADS)
def test_sq_16_a_load_for_the_parser_is_refused_in_no_time(place: Place, name: str) -> None:
    began = time.monotonic()
    place.refuses(LOADS[name])
    assert time.monotonic() - began < 5


def test_sq_16_the_parser_survives_on_a_thread_with_a_small_stack() -> None:
    from wasm_plugins.host.sql.engine import SqlLimits
    from wasm_plugins.host.sql.postgresql_proof import prove

    refused: list[str] = []

    def parse() -> None:
        for name, sql in LOADS.items():
            try:
                prove(sql, 0, GRANT, SqlLimits())
            except SqlRefused:
                refused.append(name)

    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=parse)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert refused == list(LOADS)


PARAMETERS = {
    "a 33rd": ("SELECT " + ", ".join(f"${at} AS p{at}" for at in range(1, 34)), 33),
    "one that is not there": ("SELECT $99 AS a", 1),
    "number zero": ("SELECT $0 AS a, $1 AS b", 1),
    "one unused": ("SELECT 1 AS a", 1),
    "a missing one": ("SELECT $1 AS a, $2 AS b", 1),
    "a gap": ("SELECT $1 AS a, $3 AS b", 2),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_sq_18_parameters_that_do_not_fit_are_refused(place: Place, name: str) -> None:
    sql, given = PARAMETERS[name]
    place.refuses(sql, [Variant("integer", 1)] * given)


NASTY = [
    "' OR 1=1 --",
    "'; DELETE FROM host_secret; --",
    '"',
    "\\'",
    "$1",
    "%s",
    "{0}",
    "$$",
    "\\x00",
    "e'\\''",
    "\u202e",
]


@pytest.mark.parametrize("text", NASTY)
def test_sq_18_a_parameter_is_a_value_and_never_text_of_the_statement(place: Place, text: str) -> None:
    place.ask(
        "UPDATE plugin_notes SET title = $1, body = $2 WHERE id = 1", [Variant("text", text), Variant("text", "b")]
    )
    rows = place.ask("SELECT title FROM plugin_notes WHERE title = $1", [Variant("text", text)]).rows
    assert rows == ((Variant("text", text),),)


def test_sq_18_a_parameter_that_no_database_takes_is_refused_before_it_is_sent(place: Place) -> None:
    vendor = connections[place.alias].vendor
    for case, payload in (("text", "x" * (1024 * 1024 + 1)), ("integer", 2**63), ("date", "no date"), ("uuid", "x")):
        with pytest.raises(SqlRefused):
            to_database(Variant(case, payload), vendor)
    if vendor == "postgresql":
        with pytest.raises(SqlRefused):
            to_database(Variant("text", "a\0b"), vendor)


def test_sq_18_a_wrong_type_is_an_error_value(postgresql: Place) -> None:
    for sql, value in (
        ("SELECT id FROM plugin_notes WHERE id = $1", Variant("text", "not a number")),
        ("SELECT id FROM plugin_notes WHERE id = $1", Variant("date", "2024-02-29")),
        ("SELECT id FROM plugin_notes WHERE id = $1", Variant("bytes", b"1")),
        ("INSERT INTO plugin_notes (id, title) VALUES ($1, 'x')", Variant("integer", 2**40)),
    ):
        with pytest.raises(SqlFailed):
            postgresql.ask(sql, [value])


DIALECT = {
    "a backslash": r"SELECT '\' AS a, ' OR id = 1 --' AS b",
    "an escape string": r"SELECT E'\' AS a, \'x' AS a",
    "a Unicode string": r"SELECT U&'d\0061t\+000061' AS a",
    "a nested comment": "SELECT /* /* */ 1 AS a */ id FROM plugin_notes",
    "a comment at the end": "SELECT id FROM plugin_notes --",
    "a byte order mark": "\ufeffSELECT id FROM plugin_notes",
    "a dollar quote": "SELECT $a$ ' $a$ AS a",
}


@pytest.mark.parametrize("name", DIALECT)
@pytest.mark.parametrize("standard", ["on", "off"])
def test_sq_19_the_server_runs_the_tree_that_was_proved_or_nothing(postgresql: Place, name: str, standard: str) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(f"SET LOCAL standard_conforming_strings = {standard}")
        before = postgresql.state()
        try:
            answer = to_json_rows(*_columns_and_rows(postgresql, DIALECT[name]))
        except (SqlRefused, SqlFailed):
            answer = "refused"
        assert postgresql.state() == before
        assert "do not tell" not in answer
        assert standard == "on" or answer == "refused"
        cursor.execute("SET LOCAL standard_conforming_strings = on")


def _columns_and_rows(place: Place, sql: str) -> tuple[tuple[str, ...], tuple[tuple[Variant, ...], ...]]:
    result = place.ask(sql)
    return result.columns, result.rows


ZOO = [
    ("smallint", "32767", Variant("integer", 32_767)),
    ("integer", "-2147483648", Variant("integer", -(2**31))),
    ("bigint", "9223372036854775807", Variant("integer", 2**63 - 1)),
    ("real", "0.1", Variant("real", 0.1)),
    ("real", "3.4028235e38", Variant("real", 3.4028235e38)),
    ("double precision", "0.1", Variant("real", 0.1)),
    ("numeric", "NaN", Variant("numeric", "NaN")),
    ("numeric", "1" * 500 + "." + "5" * 500, Variant("numeric", "1" * 500 + "." + "5" * 500)),
    ("numeric(6,2)", "1.50", Variant("numeric", "1.50")),
    ("timestamptz", "2024-02-29 13:37:00.000001+02", Variant("timestamp", "2024-02-29T11:37:00.000001+00:00")),
    ("timestamp", "2024-02-29 13:37:00", Variant("timestamp", "2024-02-29T13:37:00.000000")),
    ("date", "2024-02-29", Variant("date", "2024-02-29")),
    ("time", "13:37:00.5", Variant("time", "13:37:00.500000")),
    ("bytea", "\\x00ff", Variant("bytes", b"\x00\xff")),
    ("uuid", "00000000-0000-0000-0000-00000000000a", Variant("uuid", "00000000-0000-0000-0000-00000000000a")),
    ("json", '{"a":  1.10}', Variant("json", '{"a":  1.10}')),
    ("json", "null", Variant("json", "null")),
    ("jsonb", "null", Variant("json", "null")),
    ("jsonb", None, Variant("null")),
    ("integer[]", "{1,NULL,3}", Variant("json", "[1, null, 3]")),
    ("text[]", '{a,"b,c"}', Variant("json", '["a", "b,c"]')),
    ("char(3)", "a", Variant("text", "a  ")),
    ("boolean", "t", Variant("boolean", True)),
]


@pytest.mark.parametrize(("column", "text", "expected"), ZOO)
def test_sq_23_a_value_keeps_type_and_digits(
    postgresql: Place, column: str, text: str | None, expected: Variant
) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(f"CREATE TABLE plugin_zoo (v {column})")
        cursor.execute("INSERT INTO plugin_zoo VALUES (%s)", [text])
    grant = TableGrant.from_scope({"tables": {"plugin_zoo": ["select", "insert"]}})
    assert postgresql.run("default", "SELECT v FROM plugin_zoo", grant=grant).rows == ((expected,),)
    postgresql.run("default", "INSERT INTO plugin_zoo (v) VALUES ($1)", [Variant("null")], grant=grant)


STRANGE = ["interval", "int4range", "mood", "inet", "point", "xml", "oid", "tsvector", "jsonb[]", "bytea[]", "timetz"]


@pytest.mark.parametrize("column", STRANGE)
@pytest.mark.parametrize("is_filled", [False, True])
def test_sq_23_a_type_without_an_equal_is_an_error_and_never_a_null(
    postgresql: Place, column: str, is_filled: bool
) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE TYPE mood AS ENUM ('glad')")
        cursor.execute(f"CREATE TABLE plugin_zoo (v {column})")
        if is_filled:
            cursor.execute("INSERT INTO plugin_zoo VALUES (NULL)")
    grant = TableGrant.from_scope({"tables": {"plugin_zoo": ["select"]}})
    with pytest.raises(SqlRefused) as raised:
        postgresql.run("default", "SELECT v FROM plugin_zoo", grant=grant)
    assert "'v'" in raised.value.reason


def test_sq_23_a_domain_is_its_base_type(postgresql: Place) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE DOMAIN cents AS integer CHECK (value >= 0)")
        cursor.execute("CREATE TABLE plugin_zoo (v cents)")
    grant = TableGrant.from_scope({"tables": {"plugin_zoo": ["select", "insert"]}})
    inserted = postgresql.run(
        "default", "INSERT INTO plugin_zoo VALUES ($1) RETURNING v", [Variant("text", "7")], grant=grant
    )
    assert inserted.rows == ((Variant("integer", 7),),)


def test_sq_23_an_enum_of_the_host_takes_a_text_parameter(postgresql: Place) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE TYPE mood AS ENUM ('glad')")
        cursor.execute("CREATE TABLE plugin_zoo (id integer, v mood)")
    grant = TableGrant.from_scope({"tables": {"plugin_zoo": ["select", "insert"]}})
    text = [Variant("text", "glad")]
    postgresql.run("default", "INSERT INTO plugin_zoo VALUES (1, $1)", text, grant=grant)
    assert postgresql.run("default", "SELECT id FROM plugin_zoo WHERE v = $1", text, grant=grant).rows


@pytest.mark.parametrize("column", ["date", "time", "datetime", "timestamp"])
def test_sq_23_a_malformed_date_on_sqlite_is_an_error_and_never_a_null(sqlite: Place, column: str) -> None:
    with connections["sqlite"].cursor() as cursor:
        cursor.execute(f"CREATE TABLE plugin_zoo (v {column})")
        cursor.execute("INSERT INTO plugin_zoo VALUES ('31.12.2024 at noon')")
    grant = TableGrant.from_scope({"tables": {"plugin_zoo": ["select"]}})
    with pytest.raises(SqlFailed) as raised:
        sqlite.run("sqlite", "SELECT v FROM plugin_zoo", grant=grant)
    assert "noon" not in raised.value.reason
    with connections["sqlite"].cursor() as cursor:
        cursor.execute("SELECT v FROM plugin_zoo")
        assert cursor.fetchone() == (None,)  # as Django has always read it
