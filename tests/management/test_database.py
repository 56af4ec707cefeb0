"""``plugins database``: prints, makes, checks and drops plugins' roles."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection, connections
from pytest_django import Settings

from tests.components import ok, plugin_component, sql, text_hook
from tests.installed import install, tables
from wasm_plugins import get_plugin_manager, lifecycle
from wasm_plugins.exceptions import PluginFailed
from wasm_plugins.host.sql import roles_apply
from wasm_plugins.host.sql.runner import SCHEMA, role_of
from wasm_plugins.models import Plugin
from wasm_plugins.scopes.tables import TableGrant

pytestmark = pytest.mark.django_db(databases=["default", "sqlite"])

INSERT = "INSERT INTO shop_product (sku, name, price_cents, stock) VALUES ($1, 'made by a plugin', 1, 1)"


def command(*arguments: str) -> Any:
    output = io.StringIO()
    try:
        call_command("plugins", "database", "--json", *arguments, stdout=output)
    except CommandError as error:
        return json.loads(output.getvalue()) | {"status": error.returncode}
    return json.loads(output.getvalue()) | {"status": 0}


@pytest.fixture
def writer() -> Plugin:
    steps = [sql(INSERT, "a", may_fail=True)]
    component = plugin_component("writer", hooks={"write": text_hook(ok("done", first=steps))})
    return install(component, grants=tables(shop_product=["select", "insert"]))


def rights(plugin: str = "writer") -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT privilege_type::text FROM information_schema.role_table_grants "
            "WHERE grantee = %s AND table_name = 'shop_product' ORDER BY 1",
            [role_of(plugin, connection.connection.info.dbname)],
        )
        return [row[0] for row in cursor.fetchall()]


def test_it_prints_what_apply_runs_and_changes_nothing(writer: Plugin) -> None:
    printed = command()
    assert printed["plugins"][0]["statements"][0].startswith('CREATE ROLE "wasm_plugin_writer_')
    assert roles_apply.runners_on("default") == []
    assert command("--apply")["plugins"][0]["statements"] == printed["plugins"][0]["statements"]


def test_apply_makes_everything_and_a_second_time_nothing(writer: Plugin) -> None:
    assert command("--check")["status"] == 1
    assert command("--apply")["status"] == 0
    assert rights() == ["INSERT", "SELECT"]
    assert command("--apply")["plugins"][0]["statements"] == []
    assert command("--check") | {"plugins": []} == {
        "using": "default", "act": "check", "is_good": True, "plugins": [], "status": 0,
    }  # fmt: skip
    assert get_plugin_manager().call_hook_dynamic("write", 1, "").values == ["done"]


def test_functions_of_another_release_are_replaced_however_many_there_are(writer: Plugin) -> None:
    command("--apply")
    role = role_of("writer", connection.connection.info.dbname)
    with connection.cursor() as cursor:
        for text in (
            f"GRANT {role} TO CURRENT_USER",
            f"GRANT USAGE, CREATE ON SCHEMA {SCHEMA} TO {role}",
            f"SET LOCAL ROLE {role}",
            f"CREATE FUNCTION {SCHEMA}.{role}(text, text[], bool, OUT a int8, OUT b record) RETURNS SETOF record "
            "LANGUAGE plpgsql AS 'BEGIN END'",
            "RESET ROLE",
        ):
            cursor.execute(text)
    assert command("--check")["status"] == 1
    assert command("--apply")["status"] == 0
    assert command("--check")["status"] == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pronargs FROM pg_proc WHERE proname = %s", [role])
        assert cursor.fetchall() == [(5,)]


def test_check_tells_of_a_right_that_somebody_else_gave_and_apply_takes_it_back(writer: Plugin) -> None:
    command("--apply")
    role = role_of("writer", connection.connection.info.dbname)
    with connection.cursor() as cursor:
        cursor.execute(f'GRANT DELETE ON shop_product TO "{role}"')
        cursor.execute(f'GRANT SELECT (password) ON auth_user TO "{role}"')
    assert command("--check")["status"] == 1
    assert command("--apply")["status"] == 0
    assert rights() == ["INSERT", "SELECT"]


def test_what_everybody_may_is_a_problem_that_apply_does_not_solve(writer: Plugin) -> None:
    command("--apply")
    with connection.cursor() as cursor:
        cursor.execute("GRANT SELECT ON auth_user TO PUBLIC")
    found = command("--apply")
    assert (found["status"], found["plugins"][0]["problems"]) == (1, ["everybody may select on public.auth_user"])


def test_a_grant_that_changes_changes_the_rights_at_once(writer: Plugin) -> None:
    command("--apply")
    lifecycle.grant(writer, "database", {"tables": {"shop_product": ["select"]}})
    assert rights() == ["SELECT"]
    lifecycle.grant(writer, "database", {"tables": {"shop_product": ["select", "update"]}})
    assert rights() == ["SELECT", "UPDATE"]
    lifecycle.revoke(writer, "database")
    assert rights() == []


def test_drop_removes_roles_also_of_plugins_that_are_gone(writer: Plugin) -> None:
    command("--apply")
    lifecycle.delete(writer)
    assert command("--check")["plugins"][0]["name"] is None
    command("--drop")
    assert roles_apply.runners_on("default") == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'wasm_plugin_writer%%'")
        assert cursor.fetchone() == (0,)


def test_only_postgresql_has_such_roles() -> None:
    with pytest.raises(CommandError) as raised:
        call_command("plugins", "database", "--using", "sqlite")
    assert raised.value.returncode == 2


def test_grants_need_no_psycopg_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "wasm_plugins.host.sql.roles", raising=False)
    roles_apply.follow("any", TableGrant.from_scope({"tables": {"shop_order": ["select"]}}))


def test_a_project_that_requires_the_role_runs_nothing_without(writer: Plugin, settings: Settings) -> None:
    settings.WASM_PLUGINS_DATABASE_RUNNER = "required"
    component = plugin_component("strict", hooks={"write": text_hook(ok("done", first=[sql(INSERT, "b")]))})
    install(component, grants=tables(shop_product=["insert"]))
    lifecycle.disable(writer)
    with pytest.raises(PluginFailed, match="has no runner"):
        get_plugin_manager().call_hook_dynamic("write", 1, "")
    command("--apply", "strict")
    assert get_plugin_manager().call_hook_dynamic("write", 1, "").values == ["done"]


def test_names_of_roles_never_collide_and_always_fit() -> None:
    names = ["a" * 63, "a" * 62 + "b", "loyalty", "loyalty-points"]
    roles = {role_of(name, database) for name in names for database in ("shop", "test_shop")}
    assert len(roles) == 8
    assert all(len(role.encode()) <= 63 for role in roles)


def found_by_checks() -> list[str | None]:
    return [each.id for each in run_checks(tags=["wasm_plugins"], databases=["default"])]


def test_the_checks_of_databases_tell_of_a_missing_role(writer: Plugin) -> None:
    assert found_by_checks() == ["wasm_plugins.W040"]
    command("--apply")
    assert found_by_checks() == []


def test_the_checks_of_databases_refuse_a_host_that_is_a_superuser(db: None) -> None:
    projects_own = connections["default"]
    superuser = projects_own.copy()
    superuser.settings_dict = {**projects_own.settings_dict, "USER": "postgres"}  # the server's, same password
    connections["default"] = superuser
    try:
        assert "wasm_plugins.E041" in found_by_checks()
    finally:
        superuser.close()
        connections["default"] = projects_own
    assert "wasm_plugins.E041" not in found_by_checks()
