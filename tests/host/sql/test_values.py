"""Every value keeps its type and its digits on the way in and out, or is refused."""

from __future__ import annotations

import json

import pytest
from django.db import connections

from tests.host.sql.conftest import ALL_WALLS, Run
from wasm_plugins.host.sql.errors import SqlFailed, SqlRefused
from wasm_plugins.host.sql.values import Column, from_database, from_texts, to_database, to_json_rows
from wasm_plugins.runtime.values import Variant
from wasm_plugins.scopes.tables import TableGrant

IN_BOTH_WAYS = pytest.mark.parametrize("walls", ALL_WALLS, indirect=True)

WRONG = [
    ("nothing", None),
    ("integer", True),
    ("integer", 2**63),
    ("integer", -(2**63) - 1),
    ("integer", "1"),
    ("boolean", 1),
    ("real", "1.5"),
    ("text", b"bytes"),
    ("bytes", "text"),
    ("numeric", "1,5"),
    ("numeric", ""),
    ("numeric", "1e100000"),
    ("numeric", "9" * 101),
    ("numeric", "NaN"),
    ("numeric", "١٢"),
    ("date", "2024-02-30"),
    ("date", "20240229"),
    ("date", "2024-02-29T00:00:00"),
    ("time", "25:00:00"),
    ("time", "12:00"),
    ("time", "12:00:00+01:00"),
    ("timestamp", "yesterday"),
    ("timestamp", "2024-02-29"),
    ("timestamp", "2024-02-29T12:00:00.1234567Z"),
    ("timestamp", "2024-02-29T12:00:00+99:00"),
    ("uuid", "00000000000000000000000000000000"),
    ("uuid", "{00000000-0000-0000-0000-000000000000}"),
    ("json", "{'a': 1}"),
    ("json", "NaN"),
    ("json", ""),
    ("json", "[" * 100_000),
    ("text", "x" * (1024 * 1024 + 1)),
    ("bytes", b"x" * (1024 * 1024 + 1)),
]


@pytest.mark.parametrize("vendor", ["postgresql", "sqlite"])
@pytest.mark.parametrize(("case", "payload"), WRONG, ids=lambda value: repr(value)[:30])
def test_a_malformed_parameter_is_refused(vendor: str, case: str, payload: object) -> None:
    with pytest.raises(SqlRefused):
        to_database(Variant(case, payload), vendor)


def test_what_one_database_cannot_hold_is_refused_there() -> None:
    with pytest.raises(SqlRefused):
        to_database(Variant("text", "a\0b"), "postgresql")
    with pytest.raises(SqlRefused):
        to_database(Variant("real", float("nan")), "sqlite")
    with pytest.raises(SqlRefused):
        to_database(Variant("timestamp", "2024-02-29T12:00:00Z"), "sqlite", None)


POSTGRESQL = [
    ("boolean", True, "boolean"),
    ("integer", -(2**63), "bigint"),
    ("integer", 2**15 - 1, "smallint"),
    ("real", 0.1, "double precision"),
    ("real", float("inf"), "double precision"),
    ("numeric", "123456789012345678901234567890.1234500", "numeric"),
    ("numeric", "-1.50", "numeric(10,2)"),
    ("text", "snow ☃ \\ ' \" $1 %s", "text"),
    ("text", "abc", "varchar(10)"),
    ("bytes", bytes(range(256)), "bytea"),
    ("date", "2024-02-29", "date"),
    ("time", "13:37:00.000001", "time"),
    ("timestamp", "2024-02-29T13:37:00.000001+00:00", "timestamptz"),
    ("timestamp", "2024-02-29T13:37:00.000001", "timestamp"),
    ("uuid", "12345678-1234-5678-1234-567812345678", "uuid"),
    ("json", '{"a":  1.000000000000000000001, "a": null}', "json"),
    ("json", '{"a": 1.000000000000000000001}', "jsonb"),
    ("json", "null", "jsonb"),
]


@IN_BOTH_WAYS
@pytest.mark.django_db(databases=["default", "sqlite"])
@pytest.mark.parametrize(("case", "payload", "column"), POSTGRESQL, ids=lambda value: repr(value)[:30])
def test_a_value_survives_postgresql(run: Run, case: str, payload: object, column: str) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(f"CREATE TABLE plugin_zoo (v {column})")
    grant = TableGrant.from_scope({"tables": {"plugin_zoo": ["select", "insert"]}})
    result = run("default", "INSERT INTO plugin_zoo VALUES ($1) RETURNING v", [Variant(case, payload)], grant=grant)
    assert result.rows == ((Variant(case, payload),),)


def test_a_json_null_is_not_a_null() -> None:
    assert from_database("null", Column("a", "jsonb")) != from_database(None, Column("a", "jsonb"))


ARRAYS = [
    ("integer[]", "{1,NULL,3}", "[1, null, 3]"),
    ("numeric[]", "{1.50}", '["1.50"]'),
    ("text[]", "{{a,b},{c,d}}", '[["a", "b"], ["c", "d"]]'),
    ("date[]", "{2024-02-29}", '["2024-02-29"]'),
]


@IN_BOTH_WAYS
@pytest.mark.django_db(databases=["default", "sqlite"])
@pytest.mark.parametrize(("column", "literal", "expected"), ARRAYS)
def test_an_array_becomes_json(run: Run, column: str, literal: str, expected: str) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(f"CREATE TABLE plugin_zoo (v {column})")
        cursor.execute("INSERT INTO plugin_zoo VALUES (%s)", [literal])
    grant = TableGrant.from_scope({"tables": {"plugin_zoo": ["select"]}})
    assert run("default", "SELECT v FROM plugin_zoo", grant=grant).rows == ((Variant("json", expected),),)


STRANGERS = ["interval", "int4range", "point", "inet", "timetz", "mood", "json[]", "money", "tsvector", "bit(3)"]


@IN_BOTH_WAYS
@pytest.mark.django_db(databases=["default", "sqlite"])
@pytest.mark.parametrize("column", STRANGERS)
def test_a_type_without_an_equal_is_an_error_even_for_null(run: Run, column: str) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')")
        cursor.execute(f"CREATE TABLE plugin_zoo (v {column})")
        cursor.execute("INSERT INTO plugin_zoo VALUES (NULL)")
    grant = TableGrant.from_scope({"tables": {"plugin_zoo": ["select"]}})
    with pytest.raises(SqlRefused):
        run("default", "SELECT v FROM plugin_zoo", grant=grant)
    assert run("default", "SELECT v::text FROM plugin_zoo", grant=grant).rows == ((Variant("null"),),)


SQLITE = [
    ("boolean", True, "bool"),
    ("integer", -(2**63), "integer"),
    ("real", 0.1, "real"),
    ("text", "snow ☃", "text"),
    ("bytes", bytes(range(256)), "blob"),
    ("date", "2024-02-29", "date"),
    ("time", "13:37:00.000001", "time"),
    ("timestamp", "2024-02-29T13:37:00.000001+00:00", "datetime"),
    ("null", None, "text"),
]


@pytest.mark.django_db(databases=["default", "sqlite"])
@pytest.mark.parametrize(("case", "payload", "column"), SQLITE, ids=lambda value: repr(value)[:30])
def test_a_value_survives_sqlite(run: Run, case: str, payload: object, column: str) -> None:
    with connections["sqlite"].cursor() as cursor:
        cursor.execute(f"CREATE TABLE plugin_zoo (v {column})")
    grant = TableGrant.from_scope({"tables": {"plugin_zoo": ["select", "insert"]}})
    run("sqlite", "INSERT INTO plugin_zoo VALUES ($1)", [Variant(case, payload)], grant=grant)
    assert run("sqlite", "SELECT v FROM plugin_zoo", grant=grant).rows == ((Variant(case, payload),),)


def test_an_integer_beyond_64_bits_becomes_numeric() -> None:
    assert from_database(2**63, Column("a", "")) == Variant("numeric", str(2**63))


@pytest.mark.parametrize("value", [object(), 1j, {"a": 1}, (1, 2)])
def test_an_unknown_python_value_is_refused(value: object) -> None:
    with pytest.raises(SqlRefused):
        from_database(value, Column("a", ""))


@IN_BOTH_WAYS
@pytest.mark.django_db(databases=["default", "sqlite"])
def test_small_integers_do_not_overflow(run: Run) -> None:
    result = run("default", "SELECT $1 + $2 AS s", [Variant("integer", 30_000), Variant("integer", 30_000)])
    assert result.rows == ((Variant("integer", 60_000),),)


@IN_BOTH_WAYS
@pytest.mark.django_db(databases=["default", "sqlite"])
def test_text_parameters_take_the_type_of_their_place(run: Run) -> None:
    bound = [Variant("text", str(text)) for text in from_texts(["2", "second"], "postgresql")]
    result = run("default", "SELECT id FROM plugin_notes WHERE id = $1 AND title = $2", bound)
    assert result.rows == ((Variant("integer", 2),),)


def test_rows_become_json_that_loses_nothing() -> None:
    row = [
        Variant("null"),
        Variant("boolean", True),
        Variant("integer", 2**63 - 1),
        Variant("real", float("-inf")),
        Variant("numeric", "1.10"),
        Variant("bytes", b"\x00\xff"),
        Variant("json", '{"a": 1.10}'),
        Variant("text", '"\n☃'),
    ]
    text = to_json_rows("abcdefgh", [row])
    assert '"c":9223372036854775807' in text
    assert '"g":{"a": 1.10}' in text
    read = json.loads(text)
    assert [*read[0].values()] == [None, True, 2**63 - 1, "-Infinity", "1.10", "\\x00ff", {"a": 1.1}, '"\n☃']


def test_no_rows_are_an_empty_array() -> None:
    assert to_json_rows(["a"], []) == "[]"


def test_one_object_cannot_hold_two_columns_of_one_name() -> None:
    with pytest.raises(SqlRefused):
        to_json_rows(["a", "a"], [])


@IN_BOTH_WAYS
@pytest.mark.django_db(databases=["default", "sqlite"])
def test_a_text_that_is_too_long_for_a_domain_is_refused_and_not_cut(run: Run) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE DOMAIN short AS varchar(5)")
        cursor.execute("CREATE DOMAIN shorter AS short")
        cursor.execute("CREATE TABLE plugin_zoo (v shorter)")
    grant = TableGrant.from_scope({"tables": {"plugin_zoo": ["select", "insert"]}})
    insert = "INSERT INTO plugin_zoo VALUES ($1)"
    with pytest.raises(SqlFailed):
        run("default", insert, [Variant("text", "123456")], grant=grant)
    assert run("default", insert, [Variant("text", "12345")], grant=grant).changed == 1


@IN_BOTH_WAYS
@pytest.mark.django_db(databases=["default", "sqlite"])
def test_a_type_that_was_made_anew_under_its_name_is_the_new_one(run: Run) -> None:
    grant = TableGrant.from_scope({"tables": {"plugin_zoo": ["select"]}})
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')")
        cursor.execute("CREATE TABLE plugin_zoo (id integer, v mood)")
        cursor.execute("INSERT INTO plugin_zoo VALUES (1, 'sad')")

    def sad() -> int:
        return len(run("default", "SELECT id FROM plugin_zoo WHERE v = $1", [Variant("text", "sad")], grant=grant).rows)

    assert [sad() for _ in range(8)] == [1] * 8
    with connections["default"].cursor() as cursor:
        cursor.execute("ALTER TYPE mood RENAME TO old_mood")
        cursor.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')")
        cursor.execute("ALTER TABLE plugin_zoo ALTER v TYPE mood USING v::text::mood")
        cursor.execute("DROP TYPE old_mood")
    assert sad() == 1


@IN_BOTH_WAYS
@pytest.mark.django_db(databases=["default", "sqlite"])
@pytest.mark.parametrize("value", [r'{"a": "\u0000"}', r'"\ud800"', r'{"\u0061": 1}'])
def test_json_with_escapes_that_postgresql_does_not_read_is_told_as_it_is(run: Run, value: str) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE TABLE plugin_zoo (v json)")
        cursor.execute("INSERT INTO plugin_zoo VALUES (%s), ('1')", [value])
    grant = TableGrant.from_scope({"tables": {"plugin_zoo": ["select"]}})
    found = run("default", "SELECT v, 2 AS v FROM plugin_zoo", grant=grant)
    assert found.columns == ("v", "v")
    assert found.rows[0][0] == Variant("json", value)
    assert len(found.rows) == 2


@IN_BOTH_WAYS
@pytest.mark.django_db(databases=["default", "sqlite"])
def test_a_select_that_finds_nothing_is_evaluated_once(run: Run) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE SEQUENCE seen")
        cursor.execute("GRANT USAGE ON SEQUENCE seen TO PUBLIC")
        cursor.execute("CREATE VIEW plugin_zoo AS SELECT nextval('seen') AS n")
    grant = TableGrant.from_scope({"tables": {"plugin_zoo": ["select"]}})
    assert run("default", "SELECT n FROM plugin_zoo WHERE n < 0", grant=grant).rows == ()
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT last_value FROM seen")
        assert cursor.fetchone() == (1,)
