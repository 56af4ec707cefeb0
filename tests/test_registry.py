"""The registry: one snapshot at a time, noticed soon, without a query for each call."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from tests.components import ok, plugin_component, text_hook
from tests.installed import install
from wasm_plugins import get_plugin_manager, lifecycle
from wasm_plugins.models import Grant, Plugin
from wasm_plugins.registry import find_snapshot, mark_changed, registry
from wasm_plugins.sync import record_upload


def plugin(answer: str) -> bytes:
    return plugin_component("parrot", hooks={"speak": text_hook(ok(answer))})


def answers() -> list[str]:
    return [str(value) for value in get_plugin_manager().call_hook_dynamic("speak", 1, "").values]


@pytest.mark.django_db
def test_a_change_in_this_process_is_seen_by_the_next_call() -> None:
    row = install(plugin("one"))
    assert answers() == ["one"]
    lifecycle.disable(row)
    assert answers() == []


@pytest.mark.django_db
def test_a_call_asks_the_database_nothing_while_the_snapshot_is_fresh(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    find_snapshot()
    with django_assert_num_queries(0):
        for _ in range(100):
            get_plugin_manager().call_hook_dynamic("speak", 1, "")


@pytest.mark.django_db
def test_a_snapshot_made_inside_a_transaction_that_is_rolled_back_is_forgotten() -> None:
    row = install(plugin("one"))
    with transaction.atomic():
        lifecycle.disable(row)
        assert answers() == []
        transaction.set_rollback(True)
    registry.invalidate()
    assert answers() == ["one"]


@pytest.mark.django_db
def test_a_snapshot_cannot_be_changed() -> None:
    snapshot = find_snapshot()
    with pytest.raises(AttributeError):
        snapshot.plugins = {}  # type: ignore[misc]


@pytest.mark.django_db
def test_a_plugin_whose_grant_was_taken_back_serves_nothing() -> None:
    from tests.components import sql

    component = plugin_component(
        "parrot", hooks={"speak": text_hook(ok("one", first=[sql("SELECT 1", may_fail=True)]))}
    )
    row = install(component, grants={"database": {"tables": {}}})
    assert answers() == ["one"]
    Grant.objects.all().delete()
    mark_changed()
    assert answers() == []
    assert Plugin.objects.get(pk=row.pk).is_enabled


@pytest.mark.django_db(transaction=True)
def test_a_broken_transaction_of_the_caller_keeps_the_last_snapshot() -> None:
    install(plugin("one"))
    assert answers() == ["one"]
    with transaction.atomic():
        transaction.set_rollback(True)
        registry.invalidate()
        assert "parrot" in find_snapshot().plugins


SERVE = """
import sys, django
django.setup()
from wasm_plugins import get_plugin_manager
print("ready", flush=True)
for line in sys.stdin:
    values = get_plugin_manager().call_hook_dynamic("speak", 1, "").values
    print(",".join(values), flush=True)
"""


@pytest.mark.django_db(transaction=True)
def test_another_process_notices_enable_new_version_and_disable_within_a_second(
    child_environment: dict[str, str],
) -> None:
    row = install(plugin("one"), enable=False)
    child = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=child_environment,
        cwd=os.getcwd(),
    )
    assert child.stdin is not None and child.stdout is not None

    def ask() -> str:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write("ask\n")
        child.stdin.flush()
        return child.stdout.readline().strip()

    def soon(expected: str) -> bool:
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            if ask() == expected:
                return True
            time.sleep(0.02)
        return False

    try:
        assert child.stdout.readline().strip() == "ready"
        assert ask() == ""
        lifecycle.enable(row)
        assert soon("one")
        version = record_upload(plugin("two"))
        assert ask() == "one"  # it waits for an admin
        lifecycle.use_version(row, version.number)
        assert soon("two")
        lifecycle.use_version(row, 1)
        assert soon("one")
        lifecycle.disable(row)
        assert soon("")
    finally:
        child.communicate(timeout=10)
    assert connection.is_usable()
