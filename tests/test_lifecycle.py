"""What an admin does to a plugin's records, and what every process then sees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from tests.components import (
    Function,
    Route,
    json_handler,
    ok,
    plugin_component,
    route,
    sql,
    text_hook,
)
from wasm_plugins import lifecycle
from wasm_plugins.exceptions import CapabilityDenied, PluginError
from wasm_plugins.grants import covers, missing_grants, requested_scopes
from wasm_plugins.models import Generation, Grant, Hook, Plugin, PluginVersion, Task
from wasm_plugins.models import Route as RouteRow
from wasm_plugins.registry import find_snapshot, registry
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db

SCOPE = {"tables": {"shop_order": ["select"]}}
TOML = '[capabilities.database.tables]\nshop_order = ["select"]\n'


def _needy() -> bytes:
    return plugin_component("needy", tasks={"write": json_handler(ok("{}", first=[sql("SELECT 1")]))}, toml=TOML)


def _upload(data: bytes) -> Plugin:
    return record_upload(data).plugin


def _serving(name: str) -> int | None:
    registry.invalidate()
    active = find_snapshot().plugins.get(name)
    return None if active is None else active.version


def test_an_enabled_plugin_serves_and_a_disabled_one_does_not() -> None:
    plugin = _upload(plugin_component())
    assert _serving("greeter") is None
    assert lifecycle.enable(plugin).is_enabled
    assert _serving("greeter") == 1
    assert not lifecycle.disable(plugin).is_enabled
    assert _serving("greeter") is None


def test_enabling_can_name_a_version() -> None:
    _upload(plugin_component())
    plugin = _upload(plugin_component(salt="2"))
    lifecycle.enable(plugin, version=2)
    assert _serving("greeter") == 2


def test_a_plugin_with_no_verified_version_cannot_be_enabled() -> None:
    plugin = Plugin.objects.create(name="greeter")
    with pytest.raises(PluginError):
        lifecycle.enable(plugin)
    assert not Plugin.objects.get().is_enabled


@pytest.mark.parametrize("number", [0, 2, 99])
def test_a_version_that_is_not_there_or_was_refused_cannot_be_used(number: int) -> None:
    plugin = _upload(plugin_component())
    PluginVersion.objects.create(plugin=plugin, number=2, digest="0" * 64, size_bytes=0, state="refused", problem="bad")
    with pytest.raises(PluginError) as enabling:
        lifecycle.enable(plugin, version=number)
    with pytest.raises(PluginError) as switching:
        lifecycle.use_version(plugin, number)
    assert (enabling.value.plugin, switching.value.plugin) == ("greeter", "greeter")


def test_a_plugin_cannot_be_enabled_without_the_grants_it_needs() -> None:
    plugin = _upload(_needy())
    with pytest.raises(CapabilityDenied) as caught:
        lifecycle.enable(plugin)
    assert (caught.value.plugin, caught.value.missing) == ("needy", "database")
    lifecycle.grant(plugin, "database", SCOPE)
    lifecycle.enable(plugin)
    assert _serving("needy") == 1


def test_a_plugin_whose_grant_is_revoked_serves_no_longer() -> None:
    plugin = _upload(_needy())
    lifecycle.grant(plugin, "database", SCOPE)
    lifecycle.enable(plugin)
    assert lifecycle.revoke(plugin, "database")
    assert _serving("needy") is None
    assert not lifecycle.revoke(plugin, "database")


def test_a_grant_says_who_gave_it_and_replaces_the_one_before() -> None:
    admin = get_user_model().objects.create(username="ada")
    plugin = _upload(_needy())
    lifecycle.grant(plugin, "database", SCOPE)
    lifecycle.grant(plugin, "database", {"tables": {}}, admin)
    granted = Grant.objects.get()
    assert (granted.scope, granted.granted_by) == ({"tables": {}}, admin)


@pytest.mark.parametrize(
    ("capability", "scope"),
    [
        ("files", {}),
        ("database", []),
        ("database", {"table": {}}),
        ("database", {"tables": {"shop_order": ["drop"]}}),
        ("database", {"tables": {"pg_authid": ["select"]}}),
        ("authorization", {"permissions": []}),
    ],
)
def test_a_grant_that_means_nothing_is_a_value_error(capability: str, scope: object) -> None:
    plugin = _upload(_needy())
    with pytest.raises(ValueError):
        lifecycle.grant(plugin, capability, scope)
    assert not Grant.objects.exists()


def test_an_enabled_plugin_does_not_switch_to_a_version_that_needs_more() -> None:
    plugin = _upload(plugin_component("needy"))
    lifecycle.enable(plugin)
    _upload(_needy())
    with pytest.raises(CapabilityDenied):
        lifecycle.use_version(plugin, 2)
    assert _serving("needy") == 1
    lifecycle.grant(plugin, "database", SCOPE)
    lifecycle.use_version(plugin, 2)
    assert _serving("needy") == 2


def test_going_back_serves_the_earlier_version() -> None:
    _upload(plugin_component())
    plugin = _upload(plugin_component(salt="2"))
    lifecycle.enable(plugin, version=2)
    plugin.refresh_from_db()
    assert lifecycle.previous_version(plugin) == 1
    plugin = lifecycle.use_version(plugin, 1)
    assert (_serving("greeter"), lifecycle.previous_version(plugin)) == (1, None)


def test_a_deleted_plugin_leaves_no_record_and_serves_no_longer() -> None:
    plugin = _upload(_needy())
    lifecycle.grant(plugin, "database", SCOPE)
    lifecycle.enable(plugin)
    assert _serving("needy") == 1
    lifecycle.delete(plugin)
    assert _serving("needy") is None
    assert not any(model.objects.exists() for model in (Plugin, PluginVersion, Grant, Task))


def test_every_act_is_noticed() -> None:
    plugin = _upload(_needy())
    tokens = [Generation.current_token()]
    for act in (
        lambda: lifecycle.grant(plugin, "database", SCOPE),
        lambda: lifecycle.enable(plugin),
        lambda: lifecycle.use_version(plugin, 1),
        lambda: lifecycle.revoke(plugin, "database"),
        lambda: lifecycle.disable(plugin),
    ):
        act()
        tokens.append(Generation.current_token())
    assert len(set(tokens)) == len(tokens)


def _version_with(
    *, hooks: dict[str, Function], routes: list[Route], tasks: dict[str, Function], toml: str | None = None
) -> Plugin:
    plugin = _upload(plugin_component(hooks=hooks, routes=routes, tasks=tasks, toml=toml))
    return lifecycle.use_version(plugin, plugin.versions.latest("number").number)


def test_what_an_admin_tuned_survives_versions_that_drop_it_and_bring_it_back() -> None:
    hook, handler = text_hook(ok("")), json_handler(ok("{}"))
    full = {
        "hooks": {"order-placed": hook},
        "routes": [route("/greeter/page", handler)],
        "tasks": {"count": handler},
    }
    _version_with(**full)  # type: ignore[arg-type]
    Hook.objects.update(priority=7, is_enabled=False)
    RouteRow.objects.update(access="staff")
    Task.objects.update(timeout_s=9)
    _version_with(hooks={}, routes=[], tasks={})
    rows = [Hook.objects.get(), RouteRow.objects.get(), Task.objects.get()]
    assert [row.is_declared for row in rows] == [False] * 3
    toml = '[hooks.order-placed]\npriority = 5\n[routes."/greeter/page"]\naccess = "public"\nmethods = ["GET"]\n'
    _version_with(**full, toml=toml + "[tasks.count]\ntimeout_s = 30")  # type: ignore[arg-type]
    found, page, task = Hook.objects.get(), RouteRow.objects.get(), Task.objects.get()
    assert (found.is_declared, found.is_enabled, found.priority, found.declared_priority) == (True, False, 7, 5)
    assert (page.access, page.declared_access, page.methods) == ("staff", "public", ["GET"])
    assert (task.timeout_s, task.declared["timeout_s"]) == (9, 30)


def test_what_a_version_asks_for_follows_from_its_imports_and_its_toml() -> None:
    plugin = _upload(_needy())
    version = plugin.versions.get()
    assert requested_scopes(version) == {"database": SCOPE}
    assert missing_grants(plugin, version) == ("database",)


def test_html_is_asked_for_in_the_toml_alone_and_a_plugin_runs_without_it() -> None:
    plugin = _upload(plugin_component(toml="[capabilities.html]"))
    version = plugin.versions.get()
    assert requested_scopes(version) == {"html": {}}
    assert missing_grants(plugin, version) == ()
    assert lifecycle.enable(plugin).is_enabled


def test_a_scope_without_the_import_asks_for_nothing() -> None:
    version = _upload(plugin_component(toml=TOML)).versions.get()
    assert requested_scopes(version) == {}


@pytest.mark.parametrize(
    ("granted", "asked", "is_covered"),
    [
        ({}, {}, True),
        (SCOPE, {}, True),
        (SCOPE, SCOPE, True),
        ({}, SCOPE, False),
        ({"tables": {}}, SCOPE, False),
        ({"tables": {"shop_order": ["insert", "select"]}}, SCOPE, True),
        (SCOPE, {"tables": {"shop_order": ["insert", "select"]}}, False),
        ({"rows": 1}, {"rows": True}, False),
        ({"rows": 1}, {"rows": [1]}, False),
    ],
)
def test_a_scope_covers_what_reaches_no_further(granted: object, asked: object, is_covered: bool) -> None:
    assert covers(granted, asked) is is_covered


@pytest.mark.django_db(transaction=True)
def test_acts_at_the_same_time_come_one_after_another() -> None:
    plugin = _upload(plugin_component())
    for salt in "23456":
        _upload(plugin_component(salt=salt))

    def use(number: int) -> None:
        lifecycle.enable(plugin, version=number)
        connection.close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(use, range(1, 7)))
    assert Plugin.objects.get().is_enabled
