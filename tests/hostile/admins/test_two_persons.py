"""Whoever uploaded a version wants to approve it too, or to rewrite what is known of him."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.admin.pages import Staff, levels_of, text_of
from tests.components import ok, plugin_component, sql, text_hook
from wasm_plugins import lifecycle, storage
from wasm_plugins.conf import conf
from wasm_plugins.exceptions import SecondPersonNeeded
from wasm_plugins.models import AuditEntry, Grant, Plugin, VersionHealth
from wasm_plugins.sync import record_upload, sync

pytestmark = [pytest.mark.django_db, pytest.mark.canary_after]

FIRST = plugin_component("greeter", hooks={"order-placed": text_hook(ok("one", first=[sql("SELECT 1")]))})
SECOND = plugin_component("greeter", hooks={"order-placed": text_hook(ok("two", first=[sql("SELECT 1")]))})
TOML = '[capabilities.database.tables]\nshop_order = ["select"]\n'
AUDIT = "/admin/wasm_plugins/auditentry/"


@pytest.fixture(autouse=True)
def two_persons(settings: Settings) -> None:
    settings.WASM_PLUGINS_TWO_PERSONS = True


def employed(name: str) -> Staff:
    """Log in somebody who may do everything to plugins that there is a permission for."""
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="wasm_plugins"))
    return Staff(user, Client())


@pytest.fixture
def uploader(db: None) -> Staff:
    return employed("mallory")


@pytest.fixture
def other(db: None) -> Staff:
    return employed("ann")


@pytest.fixture
def plugin(uploader: Staff) -> Iterator[Plugin]:
    uploader.upload(FIRST)
    return Plugin.objects.get(name="greeter")  # type: ignore[return-value]


@pytest.mark.parametrize("act", ["enable", "use-version", "grant-requested", "approve"])
def test_ad_07_the_uploader_approves_nothing_of_it(uploader: Staff, plugin: Plugin, act: str) -> None:
    answer = uploader.act(plugin, act, number="1")
    plugin.refresh_from_db()
    assert levels_of(answer) == ["error"]
    assert not plugin.is_enabled
    assert not Grant.objects.exists()


def test_ad_07_the_uploader_does_not_widen_what_was_granted_in_the_form(
    uploader: Staff, other: Staff, plugin: Plugin
) -> None:
    with pytest.raises(SecondPersonNeeded):
        lifecycle.grant(plugin, "database", {"tables": {"shop_order": ["delete"]}}, by=uploader.user)


def test_ad_07_the_uploader_raises_no_limit_and_may_lower_every_one(
    uploader: Staff, other: Staff, plugin: Plugin
) -> None:
    page, memory_bytes = f"/admin/wasm_plugins/plugin/{plugin.pk}/limits/", conf.MEMORY_BYTES * 2
    answer = uploader.post(page, {"memory_bytes": str(memory_bytes)})
    plugin.refresh_from_db()
    assert (answer.status_code, plugin.limits) == (200, {})
    assert "somebody else" in answer.content.decode()
    for staff, number in [
        (uploader, 65_536),
        (other, memory_bytes),
        (uploader, memory_bytes),
        (uploader, memory_bytes - 1),
    ]:
        assert staff.post(page, {"memory_bytes": str(number)}).status_code == 302
    with pytest.raises(SecondPersonNeeded):
        lifecycle.set_limits(plugin, {"memory_bytes": memory_bytes}, by=uploader.user)
    plugin.refresh_from_db()
    assert plugin.limits == {"memory_bytes": memory_bytes - 1}


def test_ad_07_the_uploader_does_not_release_it_from_quarantine_and_may_wake_it(
    uploader: Staff, other: Staff, plugin: Plugin
) -> None:
    assert plugin.current_version is not None
    health = VersionHealth.objects.create(version=plugin.current_version, open_until=timezone.now(), times_opened=1)
    assert levels_of(uploader.act(plugin, "release")) == ["success"]
    assert not VersionHealth.objects.exists()
    health.pk, health.quarantined_at = None, timezone.now()
    health.save(force_insert=True)
    assert levels_of(uploader.act(plugin, "release")) == ["error"]
    assert VersionHealth.objects.get().quarantined_at is not None
    assert levels_of(other.act(plugin, "release")) == ["success"]
    assert not VersionHealth.objects.exists()


def test_ad_07_somebody_else_approves(uploader: Staff, other: Staff, plugin: Plugin) -> None:
    assert levels_of(other.act(plugin, "approve", number="1")) == ["success"]
    assert levels_of(other.act(plugin, "enable", number="1")) == ["success"]
    plugin.refresh_from_db()
    assert plugin.is_enabled


def test_ad_07_a_new_version_needs_somebody_else_again(
    uploader: Staff, other: Staff, plugin: Plugin, settings: Settings
) -> None:
    other.act(plugin, "approve", number="1")
    other.act(plugin, "enable", number="1")
    settings.WASM_PLUGINS_UPGRADES = "same-capabilities"
    uploader.upload(SECOND)
    plugin.refresh_from_db()
    assert plugin.current_version is not None and plugin.current_version.number == 1
    assert levels_of(uploader.act(plugin, "use-version", number="2")) == ["error"]
    assert levels_of(other.act(plugin, "use-version", number="2")) == ["success"]


def test_ad_07_a_detour_by_deleting_and_finding_it_again_leads_nowhere(uploader: Staff, plugin: Plugin) -> None:
    lifecycle.delete(plugin, by=uploader.user)
    sync()
    found = Plugin.objects.get(name="greeter")
    assert found.current_version is not None and found.current_version.uploaded_by is None
    with pytest.raises(SecondPersonNeeded):
        lifecycle.enable(found, by=uploader.user)


def test_ad_07_bytes_that_storage_brought_are_the_uploaders_once_he_uploads_them(uploader: Staff, other: Staff) -> None:
    record_upload(FIRST)
    uploader.upload(FIRST)
    with pytest.raises(SecondPersonNeeded):
        lifecycle.enable(Plugin.objects.get(name="greeter"), by=uploader.user)


@pytest.mark.parametrize("allowance", ["granted", "asked"])
def test_ad_07_the_uploader_tries_it_with_nothing_that_was_granted(
    uploader: Staff, other: Staff, plugin: Plugin, allowance: str
) -> None:
    other.act(plugin, "approve", number="1")
    other.act(plugin, "enable", number="1")
    uploader.upload(SECOND)
    url = f"/admin/wasm_plugins/plugin/{plugin.pk}/try/?version=2&call=hook:order-placed"
    sent = {"as_whom": "me", "allowance": allowance, "http": "on", "arg-0": "1", "arg-1": "x"}
    assert "Nothing was called" in text_of(uploader.post(url, sent))
    page = text_of(uploader.post(url, {**sent, "allowance": "nothing"}))
    assert "database is not allowed in this trial" in page
    assert "SQL: 1 statement" in text_of(other.post(url, {**sent, "allowance": "granted"}))


def test_ad_07_without_the_rule_one_person_does_both(uploader: Staff, plugin: Plugin, settings: Settings) -> None:
    settings.WASM_PLUGINS_TWO_PERSONS = False
    assert levels_of(uploader.act(plugin, "approve", number="1")) == ["success"]
    assert levels_of(uploader.act(plugin, "enable", number="1")) == ["success"]


def test_ad_07_the_page_says_that_somebody_else_has_to_approve(uploader: Staff, plugin: Plugin) -> None:
    page = uploader.get(f"/admin/wasm_plugins/plugin/{plugin.pk}/change/").content.decode()
    assert "somebody else has to approve" in page


def test_ad_07_every_act_is_written_down_with_who_did_it(uploader: Staff, other: Staff, plugin: Plugin) -> None:
    other.act(plugin, "approve", number="1")
    other.act(plugin, "enable", number="1")
    other.act(plugin, "disable")
    other.act(plugin, "release")
    uploader.upload(b"\0asm\r\0\1\0 no component")
    lifecycle.delete(plugin, by=other.user)
    found = [(entry.act, entry.username, entry.outcome) for entry in AuditEntry.objects.order_by("pk")]
    assert found == [
        ("upload", "mallory", "ok"),
        ("switch", "mallory", "ok"),
        ("grant", "ann", "ok"),
        ("approve", "ann", "ok"),
        ("enable", "ann", "ok"),
        ("disable", "ann", "ok"),
        ("release", "ann", "ok"),
        ("upload", "mallory", "compile-error"),
        ("delete", "ann", "ok"),
    ]


def test_ad_07_nobody_edits_or_deletes_an_entry_not_even_a_superuser(uploader: Staff, plugin: Plugin) -> None:
    entry = AuditEntry.objects.earliest("pk")
    root = Staff(User.objects.create_superuser("root"), Client())
    for staff in (uploader, root):
        assert staff.get(AUDIT).status_code == 200
        assert staff.get(f"{AUDIT}{entry.pk}/change/").status_code == 200
        assert staff.post(f"{AUDIT}{entry.pk}/change/", {"outcome": "never"}).status_code == 403
        assert staff.post(f"{AUDIT}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
        assert staff.post(f"{AUDIT}add/", {"act": "enable"}).status_code == 403
        staff.post(AUDIT, {"action": "delete_selected", "_selected_action": str(entry.pk), "post": "yes"})
    assert AuditEntry.objects.get(pk=entry.pk).outcome == entry.outcome


def test_ad_07_the_trail_is_filtered_by_act_plugin_outcome_and_user(uploader: Staff, plugin: Plugin) -> None:
    for query in ({"act": "upload"}, {"plugin": "greeter"}, {"outcome": "ok"}, {"q": "mallory"}):
        page = uploader.get(AUDIT, **query).content.decode()
        assert "mallory" in page


def test_ad_07_a_sync_in_the_midst_of_an_upload_approves_nothing(
    uploader: Staff, other: Staff, plugin: Plugin, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lifecycle.grant(plugin, "database", {"tables": {"shop_order": ["select"]}}, by=other.user)
    lifecycle.enable(plugin, version=1, by=other.user)
    settings.WASM_PLUGINS_UPGRADES = "same-capabilities"
    put_upload = storage.put_upload

    def put_upload_and_sync(name: str, data: bytes) -> storage.StoredItem:
        item = put_upload(name, data)
        sync()  # as another process may, before this one goes on
        return item

    monkeypatch.setattr(storage, "put_upload", put_upload_and_sync)
    uploader.upload(SECOND)
    plugin.refresh_from_db()
    assert plugin.is_enabled and plugin.current_version is not None
    assert plugin.current_version.number == 1
