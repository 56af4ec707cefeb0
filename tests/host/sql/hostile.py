"""Statements that must never run, on both databases and on each of them."""

from __future__ import annotations

EVERYWHERE = """
SELECT * FROM host_secret
SELECT secret FROM host_secret WHERE id = 1
SELECT count(*) FROM host_secret
SELECT 1 FROM host_secret
SELECT * FROM "host_secret"
SELECT * FROM HOST_SECRET
SELECT n.id FROM plugin_notes n, host_secret s
SELECT n.id FROM plugin_notes n JOIN host_secret s ON s.id = n.id
SELECT (SELECT secret FROM host_secret LIMIT 1)
SELECT id FROM plugin_notes WHERE EXISTS (SELECT 1 FROM host_secret)
SELECT id FROM plugin_notes ORDER BY (SELECT secret FROM host_secret LIMIT 1)
SELECT id FROM plugin_notes UNION SELECT id FROM host_secret
SELECT * FROM (SELECT * FROM host_secret) AS plugin_notes
SELECT * FROM (SELECT * FROM (SELECT * FROM host_secret) a) b
WITH plugin_notes AS (SELECT * FROM host_secret) SELECT * FROM plugin_notes
WITH host_secret AS (SELECT 1) SELECT * FROM host_secret
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT * FROM r
INSERT INTO host_secret VALUES (2, 'planted')
INSERT INTO plugin_notes (id, title) SELECT id + 50, secret FROM host_secret
INSERT INTO plugin_notes (id, title) VALUES (60, (SELECT secret FROM host_secret LIMIT 1))
INSERT INTO plugin_notes (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET body = (SELECT secret FROM host_secret)
INSERT INTO plugin_notes (id, title) VALUES (61, 'x') RETURNING (SELECT secret FROM host_secret LIMIT 1)
UPDATE host_secret SET secret = 'x'
UPDATE plugin_notes SET body = (SELECT secret FROM host_secret LIMIT 1)
UPDATE plugin_notes SET body = s.secret FROM host_secret s
UPDATE plugin_notes SET body = 'x' WHERE EXISTS (SELECT 1 FROM host_secret)
DELETE FROM host_secret
DELETE FROM plugin_notes WHERE id IN (SELECT id FROM host_secret)
DELETE FROM plugin_notes RETURNING (SELECT secret FROM host_secret LIMIT 1)
SELECT * FROM plugin_log
UPDATE plugin_log SET line = 'x'
DELETE FROM plugin_log
INSERT INTO plugin_log (id, line) VALUES (2, 'x') RETURNING id
INSERT INTO plugin_log (id, line) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET line = 'y'
INSERT INTO plugin_prices VALUES (3, 1)
UPDATE plugin_prices SET cents = 0
DELETE FROM plugin_prices
SELECT 1; SELECT 2
SELECT 1; DELETE FROM plugin_notes
SELECT 1;; SELECT 2
SELECT 1; COMMIT
BEGIN
COMMIT
ROLLBACK
END
SAVEPOINT mine
RELEASE SAVEPOINT mine
ROLLBACK TO SAVEPOINT mine
EXPLAIN SELECT * FROM plugin_notes
ANALYZE
VACUUM
REINDEX plugin_notes
CREATE TABLE t (a integer)
CREATE TEMP TABLE host_secret (id integer)
CREATE TABLE t AS SELECT * FROM host_secret
CREATE VIEW v AS SELECT * FROM host_secret
CREATE INDEX i ON plugin_notes (id)
CREATE TRIGGER t AFTER INSERT ON plugin_notes BEGIN DELETE FROM host_secret; END
DROP TABLE plugin_notes
ALTER TABLE plugin_notes ADD COLUMN x integer
ALTER TABLE plugin_notes RENAME TO stolen
VALUES ((SELECT secret FROM host_secret))
SELECT * FROM no_such_table
SELECT FROM WHERE
SELECT $1
SELECT $0
SELECT $99
SELECT 'unterminated
"""

POSTGRESQL = r"""
RESET ROLE
SET ROLE NONE
SET LOCAL ROLE postgres
/* x */ SeT /* y */ SESSION AUTHORIZATION postgres
SET search_path = public
SET statement_timeout = 0
SHOW all
SET TRANSACTION READ ONLY
PREPARE TRANSACTION 'x'
DO $$ BEGIN PERFORM 1; END $$
CALL something()
PREPARE p AS SELECT 1
EXECUTE p
DEALLOCATE ALL
DISCARD ALL
LISTEN host
NOTIFY host
DECLARE c CURSOR WITH HOLD FOR SELECT 1
LOCK TABLE plugin_notes
COPY host_secret TO STDOUT
COPY host_secret TO PROGRAM 'cat'
COPY plugin_notes FROM '/etc/passwd'
LOAD 'auto_explain'
CREATE EXTENSION dblink
CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'
CREATE RULE r AS ON INSERT TO plugin_notes DO NOTHING
CREATE POLICY p ON plugin_notes
COMMENT ON TABLE plugin_notes IS 'x'
GRANT ALL ON plugin_notes TO PUBLIC
TRUNCATE plugin_notes
MERGE INTO plugin_notes n USING plugin_prices p ON p.id = n.id WHEN MATCHED THEN DELETE
TABLE host_secret
SELECT * FROM public.plugin_notes
SELECT * FROM pg_catalog.pg_authid
SELECT * FROM pg_class
SELECT * FROM information_schema.tables
SELECT * FROM postgres.public.plugin_notes
SELECT * INTO stolen FROM plugin_notes
SELECT * FROM plugin_notes FOR UPDATE
SELECT * FROM plugin_notes FOR SHARE
SELECT * FROM plugin_notes TABLESAMPLE SYSTEM (10)
SELECT id FROM plugin_notes WHERE id IN (WITH s AS (SELECT id FROM host_secret) SELECT id FROM s)
WITH d AS (DELETE FROM host_secret RETURNING *) SELECT * FROM d
DELETE FROM plugin_notes USING host_secret s
DELETE FROM plugin_notes WHERE CURRENT OF c
SELECT set_config('statement_timeout', '0', false)
SELECT pg_catalog.set_config('role', 'postgres', true)
SELECT "set_config"('a.b', 'c', false)
SELECT U&"set\005fconfig"('a.b', 'c', false)
SELECT id FROM plugin_notes ORDER BY set_config('a.b', 'c', false)
SELECT CASE WHEN set_config('a.b', 'c', false) = 'c' THEN 1 END
VALUES (set_config('a.b', 'c', false))
SELECT * FROM set_config('a.b', 'c', false)
SELECT * FROM generate_series(1, 10000000000)
SELECT generate_series(1, 10)
SELECT current_setting('data_directory')
SELECT pg_sleep(10)
SELECT pg_read_file('/etc/passwd')
SELECT pg_ls_dir('.')
SELECT lo_import('/etc/passwd')
SELECT lo_create(0)
SELECT pg_advisory_lock(1)
SELECT pg_notify('a', 'b')
SELECT pg_terminate_backend(1)
SELECT dblink('x', 'y')
SELECT query_to_xml('SELECT * FROM host_secret', true, true, '')
SELECT table_to_xml('host_secret', true, true, '')
SELECT database_to_xml(true, true, '')
SELECT nextval('x')
SELECT repeat('x', 500000000)
SELECT lpad('x', 500000000)
SELECT format('%s', 'x')
SELECT regexp_replace('a', 'b', 'c')
SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' ~ '^(a+)+$'
SELECT 'host_secret'::regclass
SELECT CAST('pg_sleep' AS regproc)
SELECT 'postgres'::regrole
SELECT 'a'::"char"
SELECT '<a/>'::xml
SELECT 'x'::public.secret_type
SELECT '{}'::oid[]
SELECT 1 OPERATOR(public.+) 2
SELECT 1 OPERATOR(pg_catalog.+) 2
SELECT current_user
SELECT session_user
SELECT current_schema
SELECT current_catalog
SELECT n.secret_of FROM plugin_notes n
SELECT plugin_notes.secret_of FROM plugin_notes
SELECT secret_of(n) FROM plugin_notes n
SELECT s.secret_of FROM (SELECT * FROM plugin_notes) s
SELECT s.row_to_json FROM (SELECT id FROM plugin_notes) s
SELECT (n).secret_of FROM plugin_notes n
SELECT (n.*).secret_of FROM plugin_notes n
SELECT old.secret_of FROM (SELECT 1 AS secret_of) old
INSERT INTO plugin_notes (id) VALUES (70) RETURNING old.id
INSERT INTO plugin_notes AS excluded (id) VALUES (70)
SELECT n.x FROM plugin_notes n (x)
SELECT x.id FROM (plugin_notes n JOIN plugin_prices p USING (id)) AS x
SELECT extract('year from now()), pg_sleep(10) --' from now())
SELECT id FROM plugin_notes ORDER BY id USING <
SELECT title COLLATE "C" FROM plugin_notes
SELECT points FROM plugin_notes GROUP BY ROLLUP (points)
SELECT xmlparse(document '<a/>')
SELECT XMLTABLE.* FROM XMLTABLE('/a' PASSING '<a/>' COLUMNS x text)
SELECT JSON_TABLE('{}', '$' COLUMNS (a text))
INSERT INTO plugin_notes OVERRIDING SYSTEM VALUE VALUES (80)
INSERT INTO plugin_notes (id, title) VALUES (1, 'x') ON CONFLICT (title COLLATE "C") DO NOTHING
UPDATE plugin_notes SET (title, body) = (SELECT 'a', 'b')
UPDATE plugin_notes SET title.x = 'a'
SELECT count(VARIADIC ARRAY[1])
SELECT 9e9999
SELECT FROM plugin_notes
SELECT tableoid::regclass FROM plugin_notes
SELECT B'101'
\\! ls
SELECT * FROM plugin_notes WHERE title SIMILAR TO 'a'
"""

SQLITE = """
ATTACH DATABASE ':memory:' AS other
ATTACH 'stolen.db' AS other
DETACH DATABASE main
PRAGMA table_info(host_secret)
PRAGMA writable_schema = 1
PRAGMA foreign_keys = OFF
SELECT * FROM pragma_table_info('host_secret')
SELECT * FROM pragma_database_list
SELECT * FROM pragma_function_list
VACUUM INTO 'stolen.db'
SELECT * FROM sqlite_master
SELECT sql FROM sqlite_schema
SELECT * FROM main.sqlite_master
SELECT * FROM temp.sqlite_master
SELECT * FROM sqlite_temp_master
SELECT * FROM sqlite_sequence
SELECT * FROM main.host_secret
SELECT * FROM temp.host_secret
SELECT * FROM [host_secret]
SELECT * FROM `host_secret`
SELECT * FROM Host_Secret
DELETE FROM sqlite_master
UPDATE sqlite_master SET sql = ''
INSERT INTO sqlite_master VALUES (1, 2, 3, 4, 5)
CREATE TEMP TRIGGER t AFTER INSERT ON plugin_notes BEGIN SELECT 1; END
CREATE VIRTUAL TABLE t USING fts5(a)
CREATE TEMP VIEW v AS SELECT 1
SELECT load_extension('x')
SELECT fts3_tokenizer('simple')
SELECT zeroblob(900000000)
SELECT randomblob(900000000)
SELECT printf('%.*c', 900000000, 'x')
SELECT format('%.*c', 900000000, 'x')
SELECT writefile('stolen', 'x')
SELECT readfile('/etc/passwd')
SELECT edit('x')
SELECT 'aaaa' REGEXP '(a+)+$'
SELECT regexp('(a+)+$', 'aaaa')
SELECT django_format_dtdelta('+', 1, 2)
SELECT sqlite_version()
SELECT sqlite_source_id()
SELECT last_insert_rowid()
SELECT changes()
SELECT total_changes()
SELECT * FROM json_each('[1]')
SELECT * FROM json_tree('[1]')
SELECT * FROM generate_series(1, 10)
SELECT * FROM dbstat
SELECT * FROM (WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT * FROM r)
SELECT * FROM (WITH plugin_notes AS (SELECT * FROM host_secret) SELECT * FROM plugin_notes)
SELECT * FROM (WITH notes_guard AS (SELECT * FROM host_secret) SELECT * FROM notes_guard)
SELECT * FROM (SELECT * FROM host_secret) AS notes_guard
REPLACE INTO plugin_notes (id, title) VALUES (1, 'x')
INSERT OR REPLACE INTO plugin_notes (id, title) VALUES (1, 'x')
INSERT OR/**/REPLACE/*(*/INTO plugin_prices VALUES (1, 1)
UPDATE OR REPLACE plugin_notes SET id = 1
EXPLAIN QUERY PLAN SELECT * FROM host_secret
QUERY PLAN SELECT * FROM host_secret
SELECT ?
SELECT ?1
SELECT :name
SELECT @name
SELECT $name
SELECT $1::tail(x)
SELECT * FROM plugin_notes INDEXED BY no_such_index
--
/* nothing */
;
"""


def lines(text: str) -> list[str]:
    """List the statements of a text, one a line."""
    return [line for line in text.splitlines() if line.strip()]
