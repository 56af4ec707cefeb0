"""Deleting a plugin: for those who may, with everything that was recorded of it, and what comes back by itself."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.urls import reverse

from tests.admin.conftest import MakeStaff
from tests.admin.pages import LIST, SYNC, Staff, text_of
from tests.admin.plugins import greeter, reader, refuse
from tests.installed import install
from wasm_plugins.models import Plugin, PluginVersion, TaskRun
from wasm_plugins.registry import find_snapshot

pytestmark = pytest.mark.django_db


@pytest.fixture
def plugin(db: None) -> Plugin:
    """A plugin that is on, with two versions, a grant and a run."""
    plugin = install(greeter(), grants={"authorization": {}})
    refuse(plugin)
    TaskRun.objects.create(plugin=plugin, handler="greet", input="{}", queue="default", timeout_s=5)
    return plugin


@pytest.fixture
def deleter(staff: MakeStaff) -> Staff:
    """Somebody who may only delete."""
    return staff("delete_plugin")


def _delete_url(plugin: Plugin) -> str:
    return reverse("admin:wasm_plugins_plugin_delete", args=[plugin.pk])


def test_the_page_asks_first_and_says_what_goes(deleter: Staff, plugin: Plugin) -> None:
    page = text_of(deleter.get(_delete_url(plugin)))
    for counted in ("Versions: 2", "Task runs: 1", "Grants: 1", "Routes: 1"):
        assert counted in page
    assert Plugin.objects.exists()


def test_a_plugin_goes_with_everything_that_was_recorded_of_it(deleter: Staff, plugin: Plugin) -> None:
    assert "greeter" in find_snapshot().plugins
    response = deleter.post(_delete_url(plugin), {"post": "yes"})
    assert response.status_code == 302
    assert not (Plugin.objects.exists() or PluginVersion.objects.exists() or TaskRun.objects.exists())
    assert "greeter" not in find_snapshot().plugins
    assert LogEntry.objects.get(user=deleter.user).action_flag == DELETION


def test_several_can_be_deleted_from_the_list(deleter: Staff, plugin: Plugin) -> None:
    other, kept = install(reader(name="other")), install(reader(name="kept"))
    chosen = {"action": "delete_selected", "_selected_action": [plugin.pk, other.pk]}
    assert "Versions: 3" in text_of(deleter.post(LIST, chosen))
    assert deleter.post(LIST, {**chosen, "post": "yes"}).status_code == 302
    assert list(Plugin.objects.all()) == [kept]
    assert LogEntry.objects.filter(user=deleter.user, action_flag=DELETION).count() == 2


def test_what_lies_in_storage_is_found_again_and_off(root: Staff, plugin: Plugin) -> None:
    root.post(_delete_url(plugin), {"post": "yes"})
    root.post(SYNC)
    found = Plugin.objects.get()
    assert (found.name, found.is_enabled, found.grants.count()) == ("greeter", False, 0)


def test_without_the_permission_nothing_is_deleted(approver: Staff, plugin: Plugin) -> None:
    assert approver.get(_delete_url(plugin)).status_code == 403
    assert approver.post(_delete_url(plugin), {"post": "yes"}).status_code == 403
    assert Plugin.objects.exists()
