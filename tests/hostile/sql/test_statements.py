"""Statements that reach for what is not the plugin's: each is refused, and nothing is different afterwards."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.test import Client

from tests.host.sql.hostile import EVERYWHERE, SQLITE, lines
from tests.hostile.sql.conftest import Place
from wasm_plugins.runtime.values import Variant

pytestmark = pytest.mark.django_db(databases=["default", "sqlite"])

ROLE_CHANGE = """
RESET ROLE
ReSeT/**/RoLe
SET ROLE postgres
SET ROLE NONE
set  role /* x */ none
SET LOCAL ROLE shop
SET SESSION AUTHORIZATION postgres
SET SESSION AUTHORIZATION DEFAULT
RESET SESSION AUTHORIZATION
SELECT set_config('role', 'postgres', false)
"""


@pytest.mark.parametrize("sql", lines(ROLE_CHANGE))
def test_sq_01_no_statement_changes_the_role(place: Place, sql: str) -> None:
    place.refuses(sql)
    place.refuses("SELECT secret FROM host_secret")


TRANSACTION_CONTROL = """
BEGIN
START TRANSACTION
COMMIT
COMMIT AND CHAIN
END
ABORT
ROLLBACK
SAVEPOINT mine
RELEASE SAVEPOINT mine
ROLLBACK TO SAVEPOINT mine
PREPARE TRANSACTION 'x'
COMMIT PREPARED 'x'
SET TRANSACTION READ ONLY
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY
SET CONSTRAINTS ALL DEFERRED
"""


@pytest.mark.parametrize("sql", lines(TRANSACTION_CONTROL))
def test_sq_02_the_transaction_is_the_hosts(place: Place, sql: str) -> None:
    with transaction.atomic(using=place.alias):
        place.run(place.alias, "INSERT INTO plugin_notes (id, title) VALUES (30, 'gone')")
        place.refuses(sql)
        place.refuses(f"ROLLBACK TO SAVEPOINT {_innermost(place.alias)}")
        transaction.set_rollback(True, using=place.alias)
    with connections[place.alias].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM plugin_notes WHERE id = 30")
        assert cursor.fetchone() == (0,)
        cursor.execute("INSERT INTO host_secret VALUES (5, 'written later')")


def _innermost(alias: str) -> str:
    return str(connections[alias].savepoint_ids[-1])


SEVERAL = [
    "SELECT 1 AS a; SELECT 2 AS b",
    "SELECT 1 AS a;; SELECT 2 AS b",
    "SELECT 1 AS a;--\nDELETE FROM plugin_notes",
    "SELECT 1 AS a; COMMIT; DELETE FROM host_secret",
    "SELECT $1 AS a; DELETE FROM plugin_notes",
    ";SELECT secret FROM host_secret; SELECT 1",
    "SELECT 1 AS a;/* */ DELETE FROM plugin_notes;",
    "SELECT 1 AS a\0; DELETE FROM plugin_notes",
]


@pytest.mark.parametrize("sql", SEVERAL)
@pytest.mark.parametrize("params", [[], ["x"]], ids=["without params", "with params"])
def test_sq_03_one_text_is_one_statement(place: Place, sql: str, params: list[str]) -> None:
    place.refuses(sql, [Variant("text", text) for text in params])


def test_sq_03_a_semicolon_at_the_end_is_no_second_statement(place: Place) -> None:
    for sql in ("SELECT id FROM plugin_notes;", "SELECT id FROM plugin_notes ;  \n ", "SELECT id FROM plugin_notes;--"):
        assert len(place.ask(sql).rows) == 2


def test_sq_03_a_semicolon_in_dollar_quotes_is_text(postgresql: Place) -> None:
    quoted = postgresql.ask("SELECT $x$; DELETE FROM plugin_notes; --$x$ AS text")
    assert quoted.rows[0][0].payload == "; DELETE FROM plugin_notes; --"


PROCEDURAL = """
DO $$ BEGIN DELETE FROM host_secret; END $$
DO LANGUAGE plpgsql 'BEGIN NULL; END'
CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'
CREATE OR REPLACE FUNCTION lower(text) RETURNS text LANGUAGE sql AS 'SELECT $1'
CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1'
CREATE AGGREGATE a (integer) (SFUNC = int4pl, STYPE = integer)
CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq)
CREATE CAST (integer AS text) WITH INOUT
CALL p()
PREPARE p AS SELECT 1
EXECUTE host_statement
DEALLOCATE ALL
DEALLOCATE host_statement
DISCARD ALL
DISCARD PLANS
"""


@pytest.mark.parametrize("sql", lines(PROCEDURAL))
def test_sq_04_nothing_procedural_runs(postgresql: Place, sql: str) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("PREPARE host_statement AS SELECT 42")
        try:
            postgresql.refuses(sql)
            cursor.execute("EXECUTE host_statement")
            assert cursor.fetchone() == (42,)
        finally:
            cursor.execute("DEALLOCATE host_statement")


SET_CONFIG = """
SELECT set_config('app.tenant', '2', false)
SELECT pg_catalog.set_config('app.tenant', '2', false)
SELECT "set_config"('app.tenant', '2', false)
SELECT U&"set\\005fconfig"('app.tenant', '2', false)
SELECT U&"set!005fconfig" UESCAPE '!' ('app.tenant', '2', false)
SELECT SET_CONFIG('app.tenant', '2', true)
WITH x AS (SELECT set_config('app.tenant', '2', false)) SELECT * FROM x
SELECT id FROM plugin_notes ORDER BY set_config('app.tenant', '2', false)
SELECT id FROM plugin_notes GROUP BY id, set_config('app.tenant', '2', false)
SELECT CASE WHEN set_config('app.tenant', '2', false) = '2' THEN 1 END
VALUES (set_config('app.tenant', '2', false))
INSERT INTO plugin_notes (id, title) VALUES (9, set_config('app.tenant', '2', false))
UPDATE plugin_notes SET title = set_config('app.tenant', '2', false)
DELETE FROM plugin_notes RETURNING set_config('app.tenant', '2', false)
SELECT * FROM set_config('app.tenant', '2', false)
SELECT * FROM ROWS FROM (set_config('app.tenant', '2', false)) AS x
SELECT id FROM plugin_notes LIMIT length(set_config('app.tenant', '2', false))
SELECT 'set_config'::regproc
SELECT 1 OPERATOR(pg_catalog.set_config) 2
SELECT coalesce(NULL, set_config('app.tenant', '2', false))
SELECT sum(length(set_config('app.tenant', '2', false))) OVER ()
SELECT current_setting('app.tenant')
SET app.tenant = '2'
SET LOCAL app.tenant TO '2'
RESET ALL
ALTER ROLE CURRENT_USER SET app.tenant = '2'
ALTER SYSTEM SET work_mem = '1GB'
UPDATE pg_settings SET setting = '2' WHERE name = 'app.tenant'
"""


@pytest.mark.parametrize("sql", lines(SET_CONFIG))
def test_sq_05_no_setting_is_set_or_read(postgresql: Place, sql: str) -> None:
    postgresql.refuses(sql)


FOREIGN = """
SELECT * FROM public.auth_user
SELECT * FROM auth_user
SELECT * FROM pg_catalog.pg_authid
SELECT * FROM pg_shadow
SELECT * FROM information_schema.tables
SELECT * FROM wasm_plugins_runner.anything
SELECT * FROM wasm_plugins_plugin
TABLE host_secret
SELECT (SELECT secret FROM host_secret LIMIT 1) AS s
SELECT id FROM plugin_notes WHERE title IN (SELECT secret FROM host_secret)
UPDATE plugin_notes SET body = s.secret FROM host_secret s
DELETE FROM plugin_notes USING host_secret s WHERE s.id = plugin_notes.id
INSERT INTO plugin_notes (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET body = (SELECT secret FROM host_secret)
INSERT INTO plugin_notes (id) VALUES (50) RETURNING (SELECT secret FROM host_secret LIMIT 1)
INSERT INTO host_secret (id, secret) VALUES (9, 'planted')
WITH host_secret AS (SELECT 1 AS secret) SELECT secret FROM host_secret
WITH plugin_notes AS (SELECT * FROM host_secret) SELECT * FROM plugin_notes
SELECT * FROM plugin_notes NATURAL JOIN host_secret
SELECT * FROM plugin_notes, LATERAL (SELECT * FROM host_secret) s
SELECT h FROM host_secret h
SELECT id FROM plugin_notes EXCEPT SELECT id FROM host_secret
MERGE INTO plugin_notes n USING host_secret s ON s.id = n.id WHEN MATCHED THEN UPDATE SET body = s.secret
"""


@pytest.mark.parametrize("sql", lines(FOREIGN))
def test_sq_07_no_other_relation_is_reached(place: Place, sql: str) -> None:
    place.refuses(sql)


SHADOWING = """
SET search_path = pg_temp, public
SET LOCAL search_path TO pg_temp
CREATE TEMP TABLE auth_user (id integer, username text, password text)
CREATE TEMPORARY VIEW auth_user AS SELECT 1
CREATE TABLE auth_user (id integer)
CREATE TABLE pg_temp.auth_user (id integer)
SELECT 1 AS id INTO TEMP auth_user
SELECT 1 AS id INTO pg_temp.auth_user
CREATE SCHEMA shop
ALTER TABLE plugin_notes RENAME TO auth_user
"""


@pytest.mark.parametrize("sql", lines(SHADOWING))
def test_sq_08_the_hosts_next_query_reads_its_own_table(place: Place, sql: str) -> None:
    User.objects.db_manager(place.alias).create_superuser("root", password="right")
    place.refuses(sql)
    assert User.objects.using(place.alias).get(username="root").check_password("right")
    if place.alias == "default":
        assert Client().login(username="root", password="right")


PLANTED = """
CREATE VIEW v AS SELECT * FROM host_secret
CREATE OR REPLACE VIEW plugin_notes AS SELECT * FROM host_secret
CREATE MATERIALIZED VIEW v AS SELECT * FROM host_secret
CREATE RULE r AS ON SELECT TO plugin_notes DO INSTEAD SELECT * FROM host_secret
CREATE TRIGGER t AFTER INSERT ON plugin_notes BEGIN DELETE FROM host_secret; END
CREATE TRIGGER t BEFORE INSERT ON plugin_notes FOR EACH ROW EXECUTE FUNCTION f()
ALTER TABLE plugin_notes ALTER COLUMN body SET DEFAULT current_user
ALTER TABLE plugin_notes ADD COLUMN g text GENERATED ALWAYS AS (lower(title)) STORED
CREATE INDEX i ON plugin_notes (lower(title))
CREATE UNIQUE INDEX i ON plugin_prices (id)
CREATE POLICY p ON plugin_notes USING (true)
ALTER TABLE host_secret DISABLE ROW LEVEL SECURITY
COMMENT ON TABLE plugin_notes IS 'x'
CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()
CREATE STATISTICS s ON id, title FROM plugin_notes
GRANT ALL ON host_secret TO PUBLIC
SECURITY LABEL ON TABLE plugin_notes IS 'x'
DROP TABLE plugin_notes
TRUNCATE plugin_notes
"""


@pytest.mark.parametrize("sql", lines(PLANTED))
def test_sq_10_no_code_is_planted(place: Place, sql: str) -> None:
    place.refuses(sql)


REACH = """
COPY host_secret TO '/tmp/stolen'
COPY host_secret TO STDOUT
COPY plugin_notes FROM '/etc/passwd'
COPY plugin_notes FROM STDIN
COPY plugin_notes TO PROGRAM 'id'
COPY (SELECT 1) TO PROGRAM 'id'
SELECT pg_read_file('/etc/passwd')
SELECT pg_read_binary_file('/etc/passwd')
SELECT pg_ls_dir('/')
SELECT pg_stat_file('/etc/passwd')
SELECT lo_import('/etc/passwd')
SELECT lo_export(1, '/tmp/stolen')
SELECT lo_from_bytea(0, 'x')
SELECT lo_create(0)
SELECT dblink('host=127.0.0.1', 'SELECT 1')
SELECT query_to_xml('SELECT * FROM host_secret', true, true, '')
SELECT pg_terminate_backend(1)
SELECT pg_reload_conf()
CREATE EXTENSION dblink
CREATE SERVER s FOREIGN DATA WRAPPER f
CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1' PUBLICATION p
LOAD 'auto_explain'
IMPORT FOREIGN SCHEMA public FROM SERVER s INTO public
"""


@pytest.mark.parametrize("sql", lines(REACH))
def test_sq_11_the_servers_machine_is_out_of_reach(place: Place, sql: str) -> None:
    place.refuses(sql)


RESIDUE = """
SELECT pg_advisory_lock(1)
SELECT pg_advisory_xact_lock(1)
SELECT pg_try_advisory_lock_shared(1)
LISTEN host
NOTIFY host, 'x'
SELECT pg_notify('host', 'x')
DECLARE c CURSOR WITH HOLD FOR SELECT * FROM plugin_notes
PREPARE p AS SELECT 1
SET statement_timeout = 0
SET TIME ZONE 'Asia/Tokyo'
LOCK TABLE plugin_notes IN ACCESS EXCLUSIVE MODE
SELECT * FROM plugin_notes FOR UPDATE
"""


@pytest.mark.parametrize("sql", lines(RESIDUE))
def test_sq_12_nothing_is_left_on_the_connection(postgresql: Place, sql: str) -> None:
    postgresql.refuses(sql)


ALLOWED = [
    "SELECT id FROM plugin_notes",
    "UPDATE plugin_notes SET points = points + 1 RETURNING id",
    "INSERT INTO plugin_log (id, line) VALUES (77, 'x')",
    "DELETE FROM plugin_notes WHERE id = 999",
]


@pytest.mark.parametrize("sql", ALLOWED)
def test_sq_12_an_allowed_statement_leaves_only_its_rows(place: Place, sql: str) -> None:
    before = place.state()[4:]
    place.ask(sql)
    assert place.state()[4:] == before


SQLITE_AUTHORIZER = [*lines(SQLITE), *lines(EVERYWHERE), "PRAGMA journal_mode", "SELECT * FROM temp.sqlite_master"]


@pytest.mark.parametrize("sql", SQLITE_AUTHORIZER)
def test_sq_21_sqlite_refuses_what_is_not_granted(sqlite: Place, sql: str) -> None:
    sqlite.refuses(sql)


def test_sq_21_counting_alone_reads_a_table_too(sqlite: Place) -> None:
    sqlite.refuses("SELECT count(*) FROM host_secret")
    sqlite.refuses("SELECT 1 AS one FROM host_secret")
    assert sqlite.ask("SELECT count(*) AS n FROM plugin_notes").rows[0][0].payload == 2


def test_sq_21_a_statement_that_the_host_has_cached_is_proved_again(sqlite: Place) -> None:
    with connections["sqlite"].cursor() as cursor:
        cursor.execute("SELECT secret FROM host_secret")
        assert cursor.fetchone() == ("do not tell",)
    sqlite.refuses("SELECT secret FROM host_secret")
    with connections["sqlite"].cursor() as cursor:
        cursor.execute("SELECT secret FROM host_secret")
        assert cursor.fetchone() == ("do not tell",)
        cursor.execute("CREATE TABLE made_by_host (id integer)")
        cursor.execute("PRAGMA user_version")
