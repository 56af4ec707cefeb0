"""The plugin's own role alone: attacks that go around the proof, straight into the function."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, OperationalError, connection, transaction

from tests.host.sql.conftest import GRANT, ROWS, TABLES, give_role
from tests.host.sql.hostile import EVERYWHERE, POSTGRESQL, lines
from tests.hostile.sql.test_statements import (
    FOREIGN,
    PLANTED,
    PROCEDURAL,
    REACH,
    RESIDUE,
    ROLE_CHANGE,
    SET_CONFIG,
    SHADOWING,
    TRANSACTION_CONTROL,
)
from wasm_plugins.host.sql import roles_apply
from wasm_plugins.host.sql.engine import SqlLimits
from wasm_plugins.host.sql.pipeline import Sent
from wasm_plugins.host.sql.plans import plans_of
from wasm_plugins.host.sql.postgresql_session import armed
from wasm_plugins.host.sql.postgresql_text import counted, measured
from wasm_plugins.host.sql.runner import call_text, role_of
from wasm_plugins.host.sql.trip import Trip

pytestmark = pytest.mark.django_db(databases=["default", "sqlite"], transaction=True)

SECRET = "do not tell"

BUILT_FOR_THE_FUNCTION = """
ALTER FUNCTION wasm_plugins_runner.ROLE(text, text[], boolean) SECURITY INVOKER
ALTER FUNCTION wasm_plugins_runner.ROLE(text, text[], boolean) RESET ALL
CREATE OR REPLACE FUNCTION wasm_plugins_runner.ROLE(text, text[], boolean) RETURNS text LANGUAGE sql AS 'SELECT 1'
DROP FUNCTION wasm_plugins_runner.ROLE(text, text[], boolean)
DROP OWNED BY CURRENT_USER
DROP OWNED BY ROLE CASCADE
REASSIGN OWNED BY CURRENT_USER TO shop
ALTER ROLE ROLE LOGIN PASSWORD 'x'
ALTER ROLE ROLE SUPERUSER
ALTER ROLE ROLE RENAME TO other
ALTER ROLE shop SUPERUSER
GRANT ROLE TO shop
GRANT shop TO ROLE
CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql AS 'DELETE FROM host_secret'
CREATE TEMP TABLE host_secret (id integer, secret text)
DO $x$ BEGIN EXECUTE 'RESET ROLE'; EXECUTE 'DELETE FROM host_secret'; END $x$
DO $x$ BEGIN PERFORM set_config('role', 'none', false); DELETE FROM host_secret; END $x$
DO $x$ BEGIN COMMIT; END $x$
DO $x$ BEGIN PERFORM secret FROM host_secret; EXCEPTION WHEN OTHERS THEN NULL; END $x$
SELECT set_config('role', 'none', true), (SELECT secret FROM host_secret LIMIT 1)
SELECT set_config('session_authorization', 'shop', true)
SELECT set_config('search_path', 'pg_temp', false)
SELECT query_to_xml('SELECT * FROM host_secret', true, true, '')
SELECT table_to_xml('host_secret', true, true, '')
SELECT * FROM pg_authid
SELECT * FROM auth_user
UPDATE auth_user SET is_superuser = true
SELECT lo_export(1, '/tmp/stolen')
SELECT currval('host_secret_id_seq')
"""

ATTACKS = [
    line
    for text in (
        *(BUILT_FOR_THE_FUNCTION, ROLE_CHANGE, TRANSACTION_CONTROL, PROCEDURAL, SET_CONFIG, FOREIGN, SHADOWING),
        *(PLANTED, REACH, RESIDUE, EVERYWHERE, POSTGRESQL),
    )
    for line in lines(text)
    if "pg_sleep" not in line and "10000000000" not in line and "RECURSIVE" not in line and "500000000" not in line
]


@pytest.fixture
def role() -> Iterator[str]:
    """Make tables, and a role with some rights on them, for real."""
    User.objects.create_superuser("root", password="right")
    with connection.cursor() as cursor:
        for name, columns in TABLES.items():
            cursor.execute(f"CREATE TABLE {name} {columns}")
        for row in ROWS:
            cursor.execute(row)
    give_role("default", GRANT)
    name = role_of("tester", connection.connection.info.dbname)
    yield name
    connection.close()
    roles_apply.apply("default", roles_apply.plan_removal("default", name))
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {', '.join(TABLES)} CASCADE")


def straight_into(role: str, sql: str, *, returns_rows: bool = False) -> Any:
    """Run a text in the function as it is, with the checks of the connection around it, as the engine has them."""
    return _called(role, [sql, [], 1_000 if returns_rows else None, 1_000_000, None])


def as_one_that_measures(role: str, sql: str, *, returns_rows: bool = False) -> Any:
    """Do the same where the function runs what measures itself."""
    return _called(role, [None, [], None, None, sql if returns_rows else measured(sql, SqlLimits())])


def behind_a_bracket(role: str, sql: str, *, returns_rows: bool = False) -> Any:
    """Do the same with a text that gets out of the bracket around it, or comes behind a statement."""
    before = "SELECT 1) SELECT 1; " if returns_rows else "SELECT 1) "
    return _called(role, [None, [], None, None, measured(f"{before}{sql} --", SqlLimits())])


def behind_another(role: str, sql: str, *, returns_rows: bool = False) -> Any:
    """Do the same with a text that comes behind a statement that may be run."""
    return straight_into(role, f"SELECT 1; {sql}", returns_rows=returns_rows)


Way = Callable[..., Any]
WAYS: tuple[Way, ...] = (straight_into, as_one_that_measures, behind_a_bracket, behind_another)
"""Around the proof, into the function."""


def _called(role: str, arguments: list[Any]) -> Any:
    sent: list[Sent] = []

    def call(trip: Trip) -> None:
        sent.append(trip.add(call_text(role), arguments, keeps=False))

    with transaction.atomic(), armed(connection, set(), role, 1_000, SqlLimits()) as session:
        session.run(call, settles=False)
        return sent[0].rows()


def of_the_host() -> dict[str, Any]:
    """Return what no attack may change, as a new connection of the host sees it."""
    asked = {
        "secrets": "SELECT * FROM host_secret ORDER BY id",
        "prices": "SELECT * FROM plugin_prices ORDER BY id",
        "users": "SELECT username, password, is_superuser FROM auth_user",
        "tables": "SELECT relname, relacl::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
        "functions": "SELECT proname, prosecdef, proacl::text FROM pg_proc WHERE proowner > 10 ORDER BY 1",
        "roles": "SELECT rolname, rolsuper, rolcanlogin, rolconfig FROM pg_roles ORDER BY 1",
        "members": "SELECT roleid::regrole, member::regrole FROM pg_auth_members ORDER BY 1, 2",
        "triggers": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
    }
    return {name: _asked(query) for name, query in asked.items()}


def _asked(query: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


@pytest.mark.parametrize("way", WAYS)
def test_sq_01_to_12_the_role_alone_holds_every_attack_on_other_data(role: str, way: Way) -> None:
    """One test for all of them, since the tables are made for real; each is tried on a connection of its own."""
    before = of_the_host()
    for attack in ATTACKS:
        sql = attack.replace("ROLE(", f"{role}(").replace(" ROLE ", f" {role} ").removesuffix(" ROLE")
        for returns_rows in (False, True):
            answer: Any = ()
            with contextlib.suppress(DatabaseError, UnicodeDecodeError), connection.wrap_database_errors:
                answer = _undone(lambda: way(role, sql, returns_rows=returns_rows))  # noqa: B023
            assert SECRET not in str(answer), sql
            if connection.connection is not None:
                assert not connection.in_atomic_block, sql
                with connection.cursor() as cursor:
                    cursor.execute("SELECT current_user, current_setting('search_path')")
                    assert cursor.fetchone() == ("shop", '"$user", public'), sql
                assert User.objects.get(username="root").check_password("right"), sql
            connection.close()
        assert of_the_host() == before, sql


def _undone(attack: Callable[[], Any]) -> Any:
    """Run an attack in a transaction that the host rolls back: what remains was committed by the attack."""
    with transaction.atomic():
        answer = attack()
        transaction.set_rollback(True)
    return answer


CAUGHT = """
SELECT set_config('search_path', 'pg_catalog', false)
SELECT set_config('TimeZone', 'Asia/Tokyo', false)
SELECT set_config('DateStyle', 'German', false)
SELECT set_config('default_transaction_read_only', 'on', false)
SELECT set_config('transaction_read_only', 'on', false)
SELECT set_config('row_security', 'off', false)
SELECT set_config('application_name', 'another', false)
"""


@pytest.mark.parametrize("sql", lines(CAUGHT))
def test_sq_12_a_changed_connection_is_noticed_and_closed(role: str, sql: str) -> None:
    before = of_the_host()
    with pytest.raises(OperationalError), transaction.atomic():
        straight_into(role, sql)
    assert connection.connection is None
    assert of_the_host() == before


@pytest.mark.parametrize("way", WAYS)
def test_sq_02_the_end_of_the_transaction_is_refused_in_the_function(role: str, way: Way) -> None:
    for sql in ("COMMIT", "ROLLBACK", "DO $x$ BEGIN COMMIT; END $x$", "SAVEPOINT mine"):
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO host_secret VALUES (9, 'not committed')")
            with pytest.raises(DatabaseError), connection.wrap_database_errors:
                way(role, sql)
            transaction.set_rollback(True)
        assert _asked("SELECT count(*) FROM host_secret") == [(1,)]


@pytest.mark.parametrize("way", WAYS)
def test_sq_08_no_temporary_table_can_hide_one_of_the_hosts(role: str, way: Way) -> None:
    with pytest.raises(DatabaseError), connection.wrap_database_errors:
        way(role, "CREATE TEMP TABLE auth_user (id integer)")
    assert User.objects.get(username="root").is_superuser


def test_sq_07_the_role_may_do_what_was_granted_and_nothing_else(role: str) -> None:
    def run(sql: str) -> None:
        straight_into(role, sql if sql.startswith("SELECT") else counted(sql), returns_rows=sql.startswith("SELECT"))

    allowed = (
        "SELECT * FROM plugin_notes",
        "UPDATE plugin_notes SET body = 'x'",
        "INSERT INTO plugin_log VALUES (5, 'x')",
        "SELECT * FROM plugin_prices",
    )
    denied = (
        "SELECT * FROM plugin_log",
        "DELETE FROM plugin_log",
        "UPDATE plugin_prices SET cents = 0",
        "INSERT INTO plugin_prices VALUES (9, 9)",
        "DELETE FROM plugin_prices",
        "SELECT * FROM host_secret",
    )
    for sql in allowed:
        run(sql)
    for sql in denied:
        with pytest.raises(DatabaseError, match="permission denied"), connection.wrap_database_errors:
            run(sql)


NO_QUERIES = """
SET application_name = 'another'
RESET ROLE
PREPARE mine AS SELECT 1
DEALLOCATE ALL
DISCARD ALL
DROP OWNED BY CURRENT_USER
COPY plugin_notes TO STDOUT
EXECUTE mine
FETCH ALL FROM mine
SHOW ALL
SELECT * INTO mine FROM plugin_notes
DO $x$ BEGIN PERFORM 1; END $x$
"""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sql", lines(NO_QUERIES))
def test_sq_04_the_function_runs_one_statement_on_rows_and_no_other(role: str, sql: str, way: Way) -> None:
    with (
        pytest.raises(DatabaseError, match=r"syntax error|as cursor|not allowed here"),
        connection.wrap_database_errors,
    ):
        way(role, sql)
    assert connection.connection is not None


REPLACING = """DO $do$ DECLARE s record; BEGIN
FOR s IN SELECT name, statement FROM pg_prepared_statements WHERE NOT from_sql AND statement LIKE 'SELECT ARRAY[%' LOOP
EXECUTE 'DEALLOCATE ' || s.name;
EXECUTE 'PREPARE ' || s.name || '(text, text, text) AS WITH stolen AS (UPDATE auth_user SET username = '
'(SELECT secret FROM host_secret LIMIT 1) WHERE username = ''root'' RETURNING 1) ' || s.statement;
END LOOP; END $do$"""


@pytest.mark.parametrize("way", WAYS)
def test_sq_01_nothing_is_put_in_the_place_of_what_the_host_executes_by_name(role: str, way: Way) -> None:
    plans_of(connection.connection).is_direct = True
    straight_into(role, "SELECT 1", returns_rows=True)  # what looks at the connection is prepared from here on
    with pytest.raises(DatabaseError), connection.wrap_database_errors:
        way(role, REPLACING)
    straight_into(role, "SELECT 1", returns_rows=True)
    assert User.objects.filter(username="root").exists()
