"""The buttons of a plugin's page and of the list: what each does, what it refuses, and what history keeps of it."""

from __future__ import annotations

import pytest

from tests.admin.pages import LIST, Staff, levels_of, page_of
from tests.admin.plugins import greeter, reader, refuse, refused, writer
from tests.installed import install
from wasm_plugins.models import Plugin
from wasm_plugins.registry import find_snapshot
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db

ASKED = {"tables": {"shop_order": ["select"]}}


def _again(plugin: Plugin) -> Plugin:
    return Plugin.objects.select_related("current_version").get(pk=plugin.pk)


def _number(plugin: Plugin) -> int:
    version = _again(plugin).current_version
    assert version is not None
    return version.number


def test_enable_and_disable_switch_a_plugin_and_leave_a_message_and_history(approver: Staff) -> None:
    plugin = install(greeter(), enable=False)
    response = approver.act(plugin, "enable")
    assert (response.status_code, response["Location"]) == (302, page_of(plugin))
    assert levels_of(response) == ["success"]
    assert "greeter" in find_snapshot().plugins
    approver.act(plugin, "disable")
    assert "greeter" not in find_snapshot().plugins
    assert approver.history() == ["disabled", "enabled"]


def test_what_is_not_granted_is_not_enabled_and_the_message_names_the_capability(approver: Staff) -> None:
    plugin = install(writer(), enable=False)
    response = approver.act(plugin, "enable")
    assert levels_of(response) == ["error"]
    assert not _again(plugin).is_enabled
    assert approver.history() == []


def test_granting_what_a_version_asks_for_grants_exactly_that_and_remembers_by_whom(approver: Staff) -> None:
    plugin = install(writer(), enable=False)
    approver.act(plugin, "grant-requested", number=1)
    grant = plugin.grants.get()
    assert (grant.capability, grant.scope, grant.granted_by) == ("database", ASKED, approver.user)
    assert len(approver.history()) == 1
    assert levels_of(approver.act(plugin, "enable")) == ["success"]


def test_approving_grants_and_switches_at_once(approver: Staff) -> None:
    plugin = install(writer("select"), grants={"database": ASKED})
    record_upload(writer("delete"))
    assert levels_of(approver.act(plugin, "approve", number=2)) == ["success"]
    assert _number(plugin) == 2
    assert plugin.grants.get().scope == {"tables": {"shop_order": ["delete"]}}
    assert find_snapshot().plugins["writer"].version == 2


def test_a_version_that_needs_a_capability_nobody_granted_does_not_go_live(approver: Staff) -> None:
    plugin = install(reader())
    record_upload(writer())
    assert levels_of(approver.act(plugin, "use-version", number=2)) == ["error"]
    assert _number(plugin) == 1


def test_a_scope_that_can_never_be_granted_grants_nothing_at_all(approver: Staff) -> None:
    """As one may stand in a row that an earlier release recorded; an upload with it is refused."""
    plugin = install(writer(), enable=False)
    version = plugin.versions.get()
    assert version.manifest is not None
    version.manifest["capabilities"] = {"database": {"tables": {"pg_authid": ["select"]}}}
    version.save()
    for act in ("grant-requested", "approve"):
        assert levels_of(approver.act(plugin, act, number=1)) == ["error"]
    assert not plugin.grants.exists()


def test_an_admin_can_go_forth_and_back_between_versions(approver: Staff) -> None:
    plugin = install(reader())
    record_upload(reader("2"))
    approver.act(plugin, "use-version", number=2)
    assert _number(plugin) == 2
    approver.act(plugin, "use-version", number=1)
    assert _number(plugin) == 1
    assert len(approver.history()) == 2


@pytest.mark.parametrize("number", ["", "0", "3", "-1", "1.0", "x", "9" * 5_000, "<b>"])
@pytest.mark.parametrize("act", ["use-version", "grant-requested", "approve"])
def test_a_version_that_does_not_exist_is_an_error_message(approver: Staff, act: str, number: str) -> None:
    plugin = install(reader())
    response = approver.act(plugin, act, number=number)
    assert (response.status_code, levels_of(response)) == (302, ["error"])
    assert approver.history() == []


@pytest.mark.parametrize("act", ["use-version", "grant-requested", "approve"])
def test_a_refused_version_cannot_be_used_or_granted_anything(approver: Staff, act: str) -> None:
    plugin = install(reader())
    refuse(plugin)
    assert levels_of(approver.act(plugin, act, number=2)) == ["error"]
    assert _number(plugin) == 1


def test_a_plugin_that_was_only_ever_refused_cannot_be_enabled(approver: Staff) -> None:
    assert levels_of(approver.act(refused(), "enable")) == ["error"]


def test_an_act_that_does_not_exist_is_a_bad_request(approver: Staff) -> None:
    assert approver.act(install(reader()), "explode").status_code == 400


def test_an_act_on_a_plugin_that_does_not_exist_is_not_found(approver: Staff) -> None:
    assert approver.post("/admin/wasm_plugins/plugin/4711/act/", {"act": "enable"}).status_code == 404


def test_the_lists_actions_enable_what_can_be_and_say_of_the_rest_why_not(approver: Staff) -> None:
    plugins = [install(greeter(), enable=False), install(writer(), enable=False)]
    chosen = {"_selected_action": [plugin.pk for plugin in plugins]}
    response = approver.post(LIST, {"action": "enable_selected", **chosen})
    assert sorted(levels_of(response)) == ["error", "success"]
    assert [_again(plugin).is_enabled for plugin in plugins] == [True, False]
    response = approver.post(LIST, {"action": "disable_selected", **chosen})
    assert levels_of(response) == ["success", "success"]
    assert not Plugin.objects.filter(is_enabled=True).exists()
    assert len(approver.history()) == 3
