"""That a version falls asleep or wakes is learnt by itself; the snapshot is the one that a whole load would give."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.components import http_handler as handler
from tests.components import json_handler, ok, ok_response, plugin_component, route, text_hook
from tests.installed import install
from tests.test_registry import as_of_now, elsewhere
from wasm_plugins import lifecycle
from wasm_plugins.models import Generation, Plugin, VersionHealth
from wasm_plugins.registry import find_snapshot, mark_changed, registry
from wasm_plugins.snapshot import ActivePlugin, load_snapshot

MINUTE = timedelta(minutes=1)


def one(name: str) -> Plugin:
    page, task = f"/{name}/page", f"/{name}/task"
    return install(
        plugin_component(
            name,
            hooks={"speak": text_hook(ok(name))},
            routes=[
                route(page, handler(ok_response(200, "here"))),
                route(task, json_handler(ok("{}")), name="work", process_as_task=True),
            ],
        )
    )


def fall_asleep(plugin: Plugin) -> None:
    """Write what the breaker of any process writes."""
    assert plugin.current_version is not None
    VersionHealth.objects.create(version=plugin.current_version, open_until=timezone.now() + MINUTE, times_opened=2)
    mark_changed(only_sleeps=True)


def wake(plugin: Plugin) -> None:
    VersionHealth.objects.filter(version=plugin.current_version).update(open_until=None, times_opened=0)
    mark_changed(only_sleeps=True)


def everywhere(name: str) -> list[ActivePlugin]:
    """Return a plugin from all places of the snapshot that name it."""
    now = find_snapshot()
    routes, tasks = [each.plugin for each in now.routes.values()], [each.plugin for each in now.tasks.values()]
    found = [now.plugins[name], *now.hooks["speak"], *routes, *tasks]
    return [plugin for plugin in found if plugin.name == name]


@pytest.mark.django_db(transaction=True)
def test_who_sleeps_is_known_wherever_the_plugin_is_and_nothing_else_changes() -> None:
    parrot, owl = one("parrot"), one("owl")
    before = find_snapshot()
    fall_asleep(parrot)
    assert {plugin.sleep.times for plugin in everywhere("parrot") if plugin.sleep} == {2}
    assert len(everywhere("parrot")) == len(everywhere("owl")) >= 4
    assert all(plugin is before.plugins["owl"] for plugin in everywhere("owl"))
    assert find_snapshot() == load_snapshot()
    fall_asleep(owl)
    wake(parrot)
    assert find_snapshot() == load_snapshot()
    wake(owl)
    assert find_snapshot() == before == load_snapshot()


@pytest.mark.django_db(transaction=True)
def test_to_learn_it_nothing_is_read_but_who_sleeps() -> None:
    parrot = one("parrot")
    find_snapshot()
    fall_asleep(parrot)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        find_snapshot()
    tables = [query["sql"].split(' FROM "')[1].split('"')[0] for query in asked.captured_queries]
    assert tables == ["wasm_plugins_generation", "wasm_plugins_versionhealth", "wasm_plugins_generation"]


@pytest.mark.django_db(transaction=True)
def test_what_else_changed_meanwhile_is_not_overlooked() -> None:
    parrot, owl = one("parrot"), one("owl")
    find_snapshot()
    fall_asleep(parrot)
    lifecycle.disable(owl)
    assert list(find_snapshot().plugins) == ["parrot"]
    assert find_snapshot() == load_snapshot()


@pytest.mark.django_db(transaction=True)
def test_a_sleep_that_was_rolled_back_was_none() -> None:
    parrot = one("parrot")
    find_snapshot()
    with transaction.atomic():
        fall_asleep(parrot)
        assert all(plugin.sleep for plugin in everywhere("parrot"))
        transaction.set_rollback(True)
    registry.invalidate()
    assert not any(plugin.sleep for plugin in everywhere("parrot"))


@pytest.mark.django_db(transaction=True)
def test_a_change_that_was_rolled_back_does_not_come_back_with_a_sleep() -> None:
    parrot, owl = one("parrot"), one("owl")
    find_snapshot()
    with transaction.atomic():
        lifecycle.disable(owl)
        fall_asleep(parrot)
        assert list(find_snapshot().plugins) == ["parrot"]
        transaction.set_rollback(True)
    elsewhere(lambda: fall_asleep(parrot))
    registry.invalidate()
    assert set(find_snapshot().plugins) == {"owl", "parrot"}
    assert find_snapshot() == load_snapshot()


@pytest.mark.django_db(transaction=True)
def test_an_older_sleep_that_a_transaction_sees_wakes_nobody() -> None:
    parrot = one("parrot")
    find_snapshot()

    def sleep_and_look() -> None:
        fall_asleep(parrot)
        assert find_snapshot().plugins["parrot"].sleep

    with as_of_now():
        elsewhere(sleep_and_look)
        registry.invalidate()
        assert find_snapshot().plugins["parrot"].sleep
    assert registry.snapshot.plugins["parrot"].sleep


@pytest.mark.django_db(transaction=True)
def test_a_sleep_is_no_new_generation_for_people() -> None:
    parrot = one("parrot")
    before = Generation.current_state()
    fall_asleep(parrot)
    after = Generation.current_state()
    assert (before.token, before.number) == (after.token, after.number)
    assert not after.is_as(before)


@pytest.mark.django_db(transaction=True)
def test_ones_own_change_is_seen_although_somebody_fell_asleep_meanwhile() -> None:
    parrot, owl = one("parrot"), one("owl")
    find_snapshot()

    def sleep_and_look() -> None:
        fall_asleep(parrot)
        find_snapshot()

    with as_of_now():
        elsewhere(sleep_and_look)
        lifecycle.disable(owl)
        assert "owl" not in find_snapshot().plugins
