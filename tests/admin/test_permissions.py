"""Who may do what: every address with every kind of staff user, by GET, by POST, and without a CSRF token."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin.conftest import MakeStaff
from tests.admin.pages import (
    LIST,
    RUNS,
    STORED,
    SYNC,
    UPLOAD,
    VERSIONS,
    Staff,
    form_fields,
    page_of,
    step_of,
    text_of,
    versions_of,
)
from tests.admin.plugins import greeter, writer
from tests.installed import install
from wasm_plugins.models import Generation, Plugin, StoredObject, TaskRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def plugin(db: None) -> Plugin:
    """A plugin that is on, with a run and a grant."""
    plugin = install(writer(), grants={"database": {}})
    TaskRun.objects.create(plugin=plugin, handler="write", input="{}", queue="default", timeout_s=5)
    return plugin


def _act_url(plugin: Plugin) -> str:
    return reverse("admin:wasm_plugins_plugin_act", args=[plugin.pk])


def _pages(plugin: Plugin) -> list[str]:
    """List every page that only shows something."""
    version, run, stored = plugin.versions.get(), TaskRun.objects.get(), StoredObject.objects.get()
    return [
        *(
            LIST,
            RUNS,
            STORED,
            VERSIONS,
            page_of(plugin),
            reverse("admin:wasm_plugins_plugin_history", args=[plugin.pk]),
            *(step_of(step, version) for step in ("report", "consent", "enable")),
            *(versions_of(plugin), versions_of(plugin, 1, 1)),
        ),
        *(f"{VERSIONS}{version.pk}/change/", f"{RUNS}{run.pk}/change/", f"{STORED}{stored.pk}/change/"),
    ]


def _writes(plugin: Plugin) -> list[tuple[str, dict[str, str]]]:
    """List every form that changes something."""
    acts = ("enable", "disable", "use-version", "grant-requested", "approve")
    return [
        *((_act_url(plugin), {"act": act, "number": "1"}) for act in acts),
        *((step_of(step, plugin.versions.get()), {}) for step in ("consent", "enable")),
        (reverse("admin:wasm_plugins_plugin_rollback", args=[plugin.pk, 1]), {}),
        (SYNC, {}),
        (UPLOAD, {}),
        (page_of(plugin), {}),
        (reverse("admin:wasm_plugins_plugin_delete", args=[plugin.pk]), {"post": "yes"}),
    ]


def test_staff_without_permissions_see_and_change_nothing(nobody: Staff, plugin: Plugin) -> None:
    before = Generation.current_token()
    assert {nobody.get(url).status_code for url in [*_pages(plugin), UPLOAD, SYNC]} == {403}
    assert {nobody.post(url, data).status_code for url, data in _writes(plugin)} == {403}
    assert Generation.current_token() == before


def test_staff_who_may_view_see_everything_and_change_nothing(viewer: Staff, plugin: Plugin) -> None:
    before = Generation.current_token()
    assert {viewer.get(url).status_code for url in _pages(plugin)} == {200}
    assert [viewer.get(url).status_code for url in (UPLOAD, SYNC)] == [403, 403]
    assert {viewer.post(url, data).status_code for url, data in _writes(plugin)} == {403}
    assert Generation.current_token() == before
    assert viewer.history() == []


def test_staff_who_may_view_see_no_buttons(viewer: Staff, plugin: Plugin) -> None:
    steps = [step_of(step, plugin.versions.get()) for step in ("report", "consent", "enable")]
    for url in (LIST, page_of(plugin), *steps, versions_of(plugin)):
        page = text_of(viewer.get(url))
        assert "/rollback/" not in page
        assert 'type="submit" class="default"' not in page
        assert UPLOAD not in page
        assert SYNC not in page
        assert _act_url(plugin) not in page
        assert 'name="_save"' not in page
        assert "enable_selected" not in page
    tail = ("_FORMS", "-id", "-plugin", "csrfmiddlewaretoken")
    assert all(name.endswith(tail) for name in form_fields(text_of(viewer.get(page_of(plugin)))))


def test_actions_of_the_list_do_nothing_for_those_who_may_not_use_them(viewer: Staff, plugin: Plugin) -> None:
    for action in ("disable_selected", "delete_selected"):
        viewer.post(LIST, {"action": action, "_selected_action": [plugin.pk], "post": "yes"})
    assert Plugin.objects.filter(is_enabled=True).exists()


def test_staff_who_may_upload_see_plugins_and_cannot_approve(uploader: Staff, plugin: Plugin) -> None:
    page = text_of(uploader.get(LIST))
    assert UPLOAD in page
    assert SYNC in page
    assert text_of(uploader.get(UPLOAD))
    assert _act_url(plugin) not in text_of(uploader.get(page_of(plugin)))
    assert {uploader.post(_act_url(plugin), {"act": act}).status_code for act in ("enable", "disable")} == {403}
    assert uploader.post(page_of(plugin)).status_code == 403


def test_staff_who_may_approve_cannot_upload_sync_or_delete(approver: Staff, plugin: Plugin) -> None:
    assert UPLOAD not in text_of(approver.get(LIST))
    assert [approver.get(UPLOAD).status_code, approver.post(UPLOAD).status_code] == [403, 403]
    assert [approver.get(SYNC).status_code, approver.post(SYNC).status_code] == [403, 403]
    assert (
        approver.post(reverse("admin:wasm_plugins_plugin_delete", args=[plugin.pk]), {"post": "yes"}).status_code == 403
    )


def test_staff_who_may_change_tune_and_do_not_grant(staff: MakeStaff, plugin: Plugin) -> None:
    changer = staff("change_plugin")
    fields = form_fields(text_of(changer.get(page_of(plugin))))
    assert "tasks-0-queue" in fields
    assert "grants-0-scope" not in fields
    forged = {"grants-0-scope": '{"tables": {"shop_order": ["delete"]}}', "grants-0-DELETE": "on"}
    changer.save(plugin, {"tasks-0-timeout_s": "7", **forged})
    assert plugin.tasks.get().timeout_s == 7
    assert plugin.grants.get().scope == {}
    assert changer.post(_act_url(plugin), {"act": "disable"}).status_code == 403


def test_nothing_is_changed_by_get(root: Staff, plugin: Plugin) -> None:
    before = Generation.current_token()
    assert root.get(_act_url(plugin), act="disable").status_code == 405
    assert root.get(SYNC).status_code == 200
    assert Generation.current_token() == before


def test_nothing_is_changed_without_a_csrf_token(staff: MakeStaff, plugin: Plugin) -> None:
    everyone = staff("approve_plugin", "upload_plugin", "delete_plugin", "change_plugin", enforce_csrf=True)
    before = Generation.current_token()
    assert {everyone.post(url, data).status_code for url, data in _writes(plugin)} == {403}
    assert Generation.current_token() == before


def test_who_is_not_logged_in_is_sent_to_the_login_page(client: Client, plugin: Plugin) -> None:
    for url in [*_pages(plugin), UPLOAD, SYNC, _act_url(plugin)]:
        assert client.post(url)["Location"].startswith("/admin/login/")


def test_records_that_nobody_edits_cannot_be_added_changed_or_deleted(root: Staff, plugin: Plugin) -> None:
    for model, row in (
        ("taskrun", TaskRun.objects.get()),
        ("storedobject", StoredObject.objects.get()),
        ("pluginversion", plugin.versions.get()),
    ):
        base = f"/admin/wasm_plugins/{model}/"
        urls = [f"{base}add/", f"{base}{row.pk}/change/", f"{base}{row.pk}/delete/"]
        assert [root.post(url, {"post": "yes"}).status_code for url in urls] == [403, 403, 403]
    assert root.post(f"{LIST}add/").status_code == 403


def test_columns_that_no_form_has_cannot_be_written_by_naming_them(root: Staff) -> None:
    plugin, other = install(greeter()), install(writer(), enable=False)
    version = plugin.current_version
    extra = {"is_enabled": "", "name": "other", "current_version": "", "versions-0-digest": "0" * 64}
    root.save(
        plugin, {**extra, "hooks-0-name": "other", "routes-0-path": "/other", "routes-0-declared_access": "public"}
    )
    plugin.refresh_from_db()
    assert (plugin.name, plugin.is_enabled, plugin.current_version) == ("greeter", True, version)
    assert plugin.hooks.get().name == "order-placed"
    assert (plugin.routes.get().path, plugin.routes.get().declared_access) == ("/greeter/hello", "authenticated")
    theirs = other.tasks.get()
    root.save(plugin, {"tasks-0-id": str(theirs.pk), "tasks-0-timeout_s": "9"})
    theirs.refresh_from_db()
    assert theirs.timeout_s is None
