"""Databases that are ahead of the code, as while a release is rolled out: what it writes is still taken."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader

pytestmark = pytest.mark.django_db(databases=["default", "sqlite"])

ADDED_SINCE = {
    "plugin": ["limits", "settings"],
    "pluginversion": ["signing_key", "statement", "trust", "uploaded_by"],
    "task": ["missed_at", "missed_because", "missed_runs", "schedule", "scheduled_as", "scheduled_until"],
    "taskrun": [
        *("first_id", "lease_until", "retried_by", "retry_of"),
        *("scheduled_for", "spared", "used", "waited"),
    ],
}


def first_release(alias: str) -> Any:
    """Return the models as the first release knew them."""
    loader = MigrationLoader(connections[alias])
    return loader.project_state(("wasm_plugins", "0001_initial")).apps


def insert(alias: str, table: str, columns: dict[str, Any]) -> None:
    """Insert a row that names some columns, as a release does that does not know the others."""
    connection = connections[alias]
    names = ", ".join(map(connection.ops.quote_name, columns))
    places = ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(columns.values()))


def columns_of(row: Any, alias: str) -> dict[str, Any]:
    """Return what the first release writes of a row."""
    connection = connections[alias]
    return {
        field.column: field.get_db_prep_save(field.pre_save(row, True), connection)
        for field in row._meta.concrete_fields
        if not (field.primary_key and row.pk is None)
    }


@pytest.mark.parametrize("alias", ["default", "sqlite"])
def test_code_of_the_first_release_inserts_into_the_tables_that_grew(alias: str) -> None:
    from wasm_plugins.models import Plugin, PluginVersion, Task, TaskRun

    old = first_release(alias)
    for name, added in ADDED_SINCE.items():
        known = {field.name for field in old.get_model("wasm_plugins", name)._meta.concrete_fields}
        now = {field.name for field in apps.get_model("wasm_plugins", name)._meta.concrete_fields}
        assert sorted(now - known) == added
    plugin = old.get_model("wasm_plugins", "Plugin")(pk=1_001, name="old")
    version = old.get_model("wasm_plugins", "PluginVersion")(
        pk=1_002, plugin_id=1_001, number=1, digest="0" * 64, size_bytes=1, state="verified"
    )
    run = old.get_model("wasm_plugins", "TaskRun")(
        pk=uuid.uuid4(), plugin_id=1_001, handler="recount", input="{}", queue="default", timeout_s=5
    )
    task = old.get_model("wasm_plugins", "Task")(pk=1_003, plugin_id=1_001, name="recount")
    for row in (plugin, version, task, run):
        insert(alias, row._meta.db_table, columns_of(row, alias))
    assert Plugin.objects.using(alias).get(name="old").limits == {}
    found = PluginVersion.objects.using(alias).get(pk=1_002)
    assert (found.trust, found.signing_key, found.statement, found.uploaded_by_id) == ("unsigned", "", None, None)
    assert Task.objects.using(alias).get(name="recount").missed_runs == 0
    ran = TaskRun.objects.using(alias).get(pk=run.pk)
    assert (ran.used, ran.spared, ran.waited, ran.lease_until) == ({}, 0, 0, None)


def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", "wasm_plugins", verbosity=0)
