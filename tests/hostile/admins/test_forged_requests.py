"""Requests that an admin's browser is made to send, and forms with fields that no form has."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin.pages import UPLOAD, Staff, form_fields, page_of, text_of
from tests.admin.plugins import greeter
from tests.hostile.admins.everything import addresses, attacks, recorded
from wasm_plugins.models import Grant, Plugin, PluginVersion

pytestmark = [pytest.mark.django_db, pytest.mark.canary_after]

FORGED = {
    "approved_by": "1",
    "sha256": "0" * 64,
    "digest": "0" * 64,
    "capabilities": '{"database": {}}',
    "status": "verified",
    "state": "verified",
    "trust": "signed",
    "signing_key": "ab" * 32,
    "uploaded_by": "1",
    "is_enabled": "on",
    "current_version": "1",
    "limits": '{"memory_bytes": 1}',
    "name": "admin",
    "id": "1",
    "pk": "1",
}


def test_ad_03_no_link_changes_anything(root: Staff, everything: Plugin) -> None:
    before = recorded()
    merged = {key: str(value) for form in attacks(everything) for key, value in form.items()}
    for url in addresses():
        assert root.get(url, **merged).status_code in (200, 302, 400, 403, 404, 405), url
    act_url = reverse("admin:wasm_plugins_plugin_act", args=[everything.pk])
    secrets_url = reverse("admin:wasm_plugins_plugin_secrets", args=[everything.pk])
    for form in attacks(everything):
        query = {key: str(value) for key, value in form.items()}
        assert root.get(act_url, **query).status_code == 405
        assert root.get(secrets_url, **query).status_code == 200
    assert recorded() == before


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_ad_03_no_other_method_changes_anything(root: Staff, everything: Plugin, method: str) -> None:
    before = recorded()
    for url in addresses():
        getattr(root.client, method)(url)
    assert recorded() == before


def _strict(user: Any) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def test_ad_03_without_a_token_every_form_is_refused(root: Staff, everything: Plugin) -> None:
    before = recorded()
    client = _strict(root.user)
    merged = {key: value for form in attacks(everything) for key, value in form.items()}
    for url in addresses():
        assert client.post(url, merged).status_code in (403, 404, 405), url
    assert client.post(UPLOAD, {"component": _file()}).status_code == 403
    assert recorded() == before


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"origin": "null"}])
def test_ad_03_from_another_origin_even_a_right_token_is_refused(
    root: Staff, everything: Plugin, headers: dict[str, str]
) -> None:
    before = recorded()
    client = _strict(root.user)
    client.get(page_of(everything))
    token = client.cookies["csrftoken"].value
    merged = {key: value for form in attacks(everything) for key, value in form.items()}
    for url in addresses():
        response = client.post(url, {**merged, "csrfmiddlewaretoken": token}, headers=headers)
        assert response.status_code in (403, 404, 405), url
    assert client.post(UPLOAD, {"component": _file(), "csrfmiddlewaretoken": token}, headers=headers).status_code == 403
    assert recorded() == before


def test_ad_03_with_a_token_the_upload_is_taken(root: Staff) -> None:
    client = _strict(root.user)
    client.get(UPLOAD)
    token = client.cookies["csrftoken"].value
    assert client.post(UPLOAD, {"component": _file(), "csrfmiddlewaretoken": token}).status_code == 302
    assert client.post(UPLOAD, {"component": _file(), "csrfmiddlewaretoken": "x" * 32}).status_code == 403


def test_ad_08_fields_that_the_form_does_not_have_are_ignored(approver: Staff, everything: Plugin) -> None:
    before = recorded()
    inline = {
        f"{prefix}-0-{name}": value
        for prefix in ("grants", "hooks", "routes", "tasks", "versions", "secrets", "runs")
        for name, value in {**FORGED, "granted_by": "1", "path": "/greeter/other", "declared_access": "public"}.items()
        if name not in ("id", "is_enabled")
    }
    page = text_of(approver.get(page_of(everything)))
    approver.post(page_of(everything), {**form_fields(page), **FORGED, **inline})
    after = recorded()
    for model in ("Plugin", "PluginVersion", "Grant", "Route", "Hook", "Task", "Secret", "TaskRun", "TrustedKey"):
        assert after[model] == before[model], model


@pytest.mark.parametrize("prefix", ["grants", "hooks", "routes", "tasks"])
def test_ad_08_rows_of_another_plugin_cannot_be_edited_by_naming_them(
    root: Staff, everything: Plugin, prefix: str
) -> None:
    writer = Plugin.objects.get(name="writer")
    theirs = getattr(writer, prefix).first() or getattr(everything, prefix).first()
    victim = everything if getattr(writer, prefix).exists() else writer
    before = recorded()
    forged = {
        f"{prefix}-TOTAL_FORMS": "1",
        f"{prefix}-INITIAL_FORMS": "1",
        f"{prefix}-0-id": str(theirs.pk),
        f"{prefix}-0-plugin": str(victim.pk),
        f"{prefix}-0-scope": '{"tables": {"shop_order": ["delete"]}}',
        f"{prefix}-0-capability": "database",
        f"{prefix}-0-access": "public",
        f"{prefix}-0-priority": "1",
        f"{prefix}-0-timeout_s": "9",
        f"{prefix}-0-DELETE": "on",
    }
    root.save(victim, forged)
    model = type(theirs).__name__
    assert recorded()[model] == before[model]


def test_ad_08_a_grant_is_given_by_who_is_logged_in_whatever_the_form_says(
    approver: Staff, root: Staff, everything: Plugin
) -> None:
    approver.act(everything, "grant-requested", number=2, granted_by=root.user.pk, capabilities='{"database": {}}')
    assert not Grant.objects.filter(granted_by=root.user).exists()
    assert not everything.grants.filter(capability="database").exists()


def test_ad_08_an_upload_is_judged_and_attributed_by_the_host(uploader: Staff) -> None:
    component = {"component": _file()}
    assert uploader.post(UPLOAD, {**FORGED, **component}).status_code == 302
    plugin = Plugin.objects.get()
    version = PluginVersion.objects.get()
    assert (plugin.name, plugin.is_enabled, plugin.limits) == ("greeter", False, {})
    assert version.trust == "unsigned"
    assert version.digest != FORGED["digest"]
    assert version.signing_key == ""
    assert not plugin.grants.exists()


def test_ad_08_a_secret_is_set_for_the_plugin_of_the_page_by_who_is_logged_in(root: Staff, everything: Plugin) -> None:
    other = Plugin.objects.get(name="writer")
    url = reverse("admin:wasm_plugins_plugin_secrets", args=[everything.pk])
    forged = {
        "plugin": other.pk,
        "pk": other.pk,
        "ciphertext": "v1:AAAA",
        "updated_by": "1",
        "updated_at": "2000-01-01",
    }
    root.post(url, {"act": "set", "name": "fresh", "value": "some value", **forged})
    row = everything.secrets.get(name="fresh")
    assert (row.updated_by, row.updated_at.year > 2000) == (root.user, True)
    assert row.ciphertext != "v1:AAAA"
    assert not other.secrets.exists()


def _file() -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    return SimpleUploadedFile("greeter.wasm", greeter())
