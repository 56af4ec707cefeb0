"""The registry: one snapshot at a time, noticed soon, without a query for each call."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings as project_settings
from django.db import connection, connections, transaction
from django.db.models import F
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


@contextmanager
def as_of_now() -> Iterator[None]:
    """Open a transaction that sees the database until its end as it is now."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        Generation.current_token()
        yield


def elsewhere(act: Callable[[], object]) -> None:
    """Do something on another thread, and so on another connection."""

    def act_and_close() -> None:
        try:
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=act_and_close)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


@pytest.mark.django_db(transaction=True)
def test_an_older_state_that_a_transaction_sees_is_served_to_nobody() -> None:
    row = install(plugin("one"))
    assert "parrot" in find_snapshot().plugins

    def disable() -> None:
        lifecycle.disable(row)
        assert find_snapshot().plugins == {}

    with as_of_now():
        elsewhere(disable)
        registry.invalidate()
        assert find_snapshot().plugins == {}
        assert registry.snapshot.plugins == {}


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_sees_the_past_keeps_nobody_else_from_looking() -> None:
    row = install(plugin("one"))
    find_snapshot()
    found = []

    def change_as_another_process() -> None:
        Plugin.objects.filter(pk=row.pk).update(is_enabled=False)
        Generation.objects.update(number=F("number") + 1, token=uuid.uuid4())

    with as_of_now():
        elsewhere(change_as_another_process)
        registry.invalidate()
        assert "parrot" in find_snapshot().plugins  # as far as this transaction can know
        elsewhere(lambda: found.append(find_snapshot()))
    assert found[0].plugins == {}


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_sees_the_past_looks_twice_a_second_and_not_at_every_call(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    install(plugin("one"))
    with as_of_now():
        find_snapshot()
        with django_assert_num_queries(0):
            for _ in range(100):
                find_snapshot()


@pytest.mark.django_db(transaction=True)
def test_a_restored_database_is_the_present_although_its_number_is_smaller() -> None:
    install(plugin("one"))
    assert "parrot" in find_snapshot().plugins
    Plugin.objects.update(is_enabled=False)
    Generation.objects.update(number=1, token=uuid.uuid4())
    registry.invalidate()
    with transaction.atomic():
        assert find_snapshot().plugins == {}
    assert registry.snapshot.plugins == {}


ON_SQLITE = """
import threading, django
django.setup()
from django.core.management import call_command
from django.db import connections, transaction
call_command("migrate", verbosity=0)
from tests.components import ok, plugin_component, text_hook
from tests.installed import install
from wasm_plugins import lifecycle
from wasm_plugins.models import Generation
from wasm_plugins.registry import find_snapshot, registry

row = install(plugin_component("parrot", hooks={"speak": text_hook(ok("one"))}))
assert "parrot" in find_snapshot().plugins

def disable():
    lifecycle.disable(row)
    assert not find_snapshot().plugins
    connections.close_all()

with transaction.atomic():
    before = Generation.current_token()
    thread = threading.Thread(target=disable)
    thread.start()
    thread.join()
    assert Generation.current_token() == before, "the transaction sees the past"
    registry.invalidate()
    assert not find_snapshot().plugins
assert not registry.snapshot.plugins
print("well")
"""

WITH_READERS = """
from project.settings import *
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "plain.sqlite3",
    "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL"}}}
WASM_PLUGINS_SYNC_INTERVAL_S = 0
WASM_PLUGINS_CACHE_DIR = BASE_DIR / "var" / "compiled"
"""


@pytest.mark.slow
def test_an_older_state_that_a_transaction_on_sqlite_sees_is_served_to_nobody(tmp_path: Path) -> None:
    (tmp_path / "plain_settings.py").write_text(WITH_READERS)
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "plain_settings",
        "PYTHONPATH": f"{tmp_path}:{project_settings.BASE_DIR}",
        "SHOP_DATA": str(tmp_path),
        "SHOP_DATABASE": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", ON_SQLITE], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.endswith("well\n"), done.stderr


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
