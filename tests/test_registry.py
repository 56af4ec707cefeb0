"""The registry: one snapshot at a time, noticed soon, without a query for each call."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import uuid

import pytest
from django.db import connection, connections, transaction
from pytest_django import DjangoAssertNumQueries

from tests.components import ok, plugin_component, text_hook
from tests.installed import install
from wasm_plugins import get_plugin_manager, lifecycle
from wasm_plugins.models import Generation, Grant, Plugin
from wasm_plugins.registry import find_snapshot, mark_changed, registry
from wasm_plugins.snapshot import Snapshot, load_snapshot
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


@pytest.mark.django_db(transaction=True)
def test_a_change_that_comes_at_the_end_of_a_load_is_seen_by_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    row = install(plugin("one"))

    def change_now(keep: object) -> None:
        Plugin.objects.filter(pk=row.pk).update(is_enabled=False)
        Generation.objects.update(token=uuid.uuid4())  # as another process does
        registry.invalidate()

    with monkeypatch.context() as patched:
        patched.setattr("wasm_plugins.registry.components.forget", change_now)
        mark_changed()
        find_snapshot()
    assert answers() == []


@pytest.mark.django_db(transaction=True)
def test_a_reload_waits_for_a_thread_that_loads_and_then_looks_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    row = install(plugin("one"))
    registry.invalidate()
    find_snapshot()
    read, changed = threading.Event(), threading.Event()

    def load_slowly() -> Snapshot:
        loaded = load_snapshot()
        read.set()
        changed.wait(5)
        return loaded

    with monkeypatch.context() as patched:
        patched.setattr("wasm_plugins.registry.load_snapshot", load_slowly)
        mark_changed()
        loader = threading.Thread(target=load_and_close)
        loader.start()
        assert read.wait(5)
        patched.undo()
        Plugin.objects.filter(pk=row.pk).update(is_enabled=False)
        Generation.objects.update(token=uuid.uuid4())
        threading.Timer(0.1, changed.set).start()
        get_plugin_manager().reload()
    assert registry.snapshot.plugins == {}
    loader.join()


def load_and_close() -> None:
    try:
        find_snapshot()
    finally:
        connections.close_all()


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
