"""The stand-in host is the real one as far as a plugin can tell: same interfaces, types, bounds and claims."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser, User
from pytest_django import Settings as SettingsWrapper

from wasm_plugins import components, exchange
from wasm_plugins.conf import Settings
from wasm_plugins.host import authorization, host_interfaces, session
from wasm_plugins.host.sql.errors import SqlRefused
from wasm_plugins.kit import plugin_file
from wasm_plugins.kit.fakes import FakeHost, fake_interfaces
from wasm_plugins.kit.fakes import authorization as fake_authorization
from wasm_plugins.kit.fakes import database as fake_database
from wasm_plugins.kit.fakes.database import Database, NotOpen
from wasm_plugins.kit.verdict import MANIFEST_LIMITS
from wasm_plugins.runtime.values import Variant
from wasm_plugins.scopes.tables import TableGrant

TABLES = """
CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME, is_new BOOL, day DATE, price DECIMAL, note TEXT);
INSERT INTO t VALUES (1, '2031-05-17 14:30:00', 1, '2031-05-17', 12.5, 'hi');
"""
GRANT = TableGrant.from_scope({"tables": {"t": ["select", "insert", "delete"]}})


def _types(interfaces: object) -> dict[str, dict[str, str]]:
    assert isinstance(interfaces, dict)
    return {
        name: {function: str(each.type) for function, each in interface.functions.items()}
        for name, interface in interfaces.items()
    }


def test_every_interface_is_offered_with_the_types_of_the_host() -> None:
    assert _types(fake_interfaces()) == _types(host_interfaces())


def test_every_resource_is_offered() -> None:
    ours, theirs = fake_interfaces(), host_interfaces()
    assert {name: ours[name].resources for name in ours} == {name: theirs[name].resources for name in theirs}


def test_claims_have_the_shape_of_the_hosts() -> None:
    assert FakeHost().claims == exchange.claims_of(AnonymousUser())
    ada = User(pk=1, username="ada")
    assert FakeHost(username="ada").claims == exchange.claims_of(ada)


def test_bounds_are_those_of_the_host() -> None:
    assert fake_authorization.MOST_PERMISSIONS == authorization.MOST_PERMISSIONS
    assert fake_database.MOST_OPEN == session.MOST_OPEN
    assert MANIFEST_LIMITS.deadline_ms == Settings.MANIFEST_DEADLINE_MS


def test_compiled_code_lies_where_a_project_keeps_it(settings: SettingsWrapper) -> None:
    settings.WASM_PLUGINS_CACHE_DIR = None
    assert plugin_file.cache_folder() == components._cache_folder()


def _query(database: Database, sql: str) -> tuple[tuple[Variant, ...], ...]:
    return database.run(sql, [], remaining_ms=1_000, rows=10).rows


def test_columns_arrive_as_the_values_that_django_reads() -> None:
    database = Database(TABLES, GRANT)
    (row,) = _query(database, "SELECT at, is_new, day, note FROM t")
    moment = datetime(2031, 5, 17, 14, 30, tzinfo=UTC).isoformat(timespec="microseconds")
    assert row == (
        Variant("timestamp", moment),
        Variant("boolean", True),
        Variant("date", "2031-05-17"),
        Variant("text", "hi"),
    )
    database.close()


def test_a_statement_that_fails_leaves_what_was_before() -> None:
    database = Database(TABLES, GRANT)
    database.run("INSERT INTO t (id) VALUES (2)", [], remaining_ms=1_000, rows=10)
    with pytest.raises(SqlRefused):
        _query(database, "UPDATE t SET id = 3")
    assert [row[0].payload for row in _query(database, "SELECT id FROM t ORDER BY id")] == [1, 2]
    database.close()


def test_savepoints_nest() -> None:
    database = Database(TABLES, GRANT)
    database.begin()
    database.run("INSERT INTO t (id) VALUES (2)", [], remaining_ms=1_000, rows=10)
    database.begin()
    database.run("DELETE FROM t", [], remaining_ms=1_000, rows=10)
    database.end(keep=False)
    database.end(keep=True)
    assert len(_query(database, "SELECT id FROM t")) == 2
    with pytest.raises(NotOpen):
        database.end(keep=True)
    database.close()


def test_a_large_answer_is_refused() -> None:
    database = Database(TABLES + "INSERT INTO t (id) VALUES (2), (3);", GRANT)
    with pytest.raises(SqlRefused):
        database.run("SELECT id FROM t", [], remaining_ms=1_000, rows=2)
    database.close()


def test_a_database_is_nowhere_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Database(TABLES, GRANT).close()
    assert list(tmp_path.iterdir()) == []
