"""Staff who may nothing, or only look, try every address of the admin with every form that does something."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.http import HttpResponse
from django.urls import reverse

from tests.admin.conftest import MakeStaff
from tests.admin.pages import LIST, SYNC, UPLOAD, Staff, page_of, text_of
from tests.admin.plugins import greeter
from tests.hostile.admins.everything import SECRET, addresses, attacks, recorded
from wasm_plugins.admin.acts import ACTS
from wasm_plugins.models import Plugin

pytestmark = [pytest.mark.django_db, pytest.mark.canary_after]


def _is_refused(response: HttpResponse) -> bool:
    """Tell whether an answer is a refusal; the old short address of a page leads to the page, which refuses."""
    is_old_address = response.status_code == 302 and response["Location"].endswith("/change/")
    return response.status_code in (403, 404, 405) or is_old_address


def test_ad_01_the_addresses_that_are_tried_are_all_that_there_are(everything: Plugin) -> None:
    found = addresses()
    assert len(found) > 50
    for page in (LIST, UPLOAD, SYNC, page_of(everything), _secrets_url(everything)):
        assert page in found
    for page in ("delete", "history", "act"):
        assert reverse(f"admin:wasm_plugins_plugin_{page}", args=[everything.pk]) in found


def test_ad_01_staff_without_permissions_get_no_page_of_this_app(nobody: Staff, everything: Plugin) -> None:
    before = recorded()
    opened = [url for url in addresses() if not _is_refused(nobody.get(url))]
    assert opened == []
    assert recorded() == before
    assert "wasm_plugins" not in text_of(nobody.get("/admin/"))


def test_ad_01_staff_without_permissions_change_nothing_by_any_form(nobody: Staff, everything: Plugin) -> None:
    before = recorded()
    merged = {key: value for form in attacks(everything) for key, value in form.items()}
    taken = [url for url in addresses() if not _is_refused(nobody.post(url, merged))]
    assert taken == []
    act_url = reverse("admin:wasm_plugins_plugin_act", args=[everything.pk])
    for url in (LIST, act_url, _secrets_url(everything), page_of(everything)):
        assert [form for form in attacks(everything) if not _is_refused(nobody.post(url, form))] == []
    assert _is_refused(nobody.upload(greeter("new")))
    assert recorded() == before


def test_ad_01_somebody_who_is_no_staff_is_sent_away_from_every_page(nobody: Staff, everything: Plugin) -> None:
    nobody.user.is_staff = False
    nobody.user.save()
    for url in addresses():
        response = nobody.get(url)
        assert response.status_code == 404 or response["Location"].startswith("/admin/login/"), url


def test_ad_02_who_may_only_look_opens_pages_and_changes_nothing(viewer: Staff, everything: Plugin) -> None:
    before = recorded()
    for url in addresses():
        response = viewer.get(url)
        assert response.status_code in (200, 302, 403, 404, 405), url
        assert SECRET.encode() not in response.content
    merged = {key: value for form in attacks(everything) for key, value in form.items()}
    for url in addresses():
        response = viewer.post(url, merged)
        # Lists without actions, histories and the index show themselves whatever the method.
        only_shows = response.status_code == 200 and (url.count("/") <= 4 or url.endswith("/history/"))
        assert _is_refused(response) or only_shows, url
    assert recorded() == before


@pytest.mark.parametrize("act", [*ACTS, "release", "retry"])
def test_ad_02_who_may_only_look_cannot_press_a_button(viewer: Staff, everything: Plugin, act: str) -> None:
    before = recorded()
    assert viewer.act(everything, act, number=2).status_code == 403
    assert recorded() == before


def test_ad_02_who_may_only_look_cannot_upload_edit_set_or_delete(viewer: Staff, everything: Plugin) -> None:
    before = recorded()
    delete = reverse("admin:wasm_plugins_plugin_delete", args=[everything.pk])
    assert viewer.upload(greeter("new")).status_code == 403
    assert viewer.post(_secrets_url(everything), {"act": "set", "name": "a", "value": "b"}).status_code == 403
    assert viewer.post(_secrets_url(everything), {"act": "unset", "name": "token"}).status_code == 403
    assert viewer.post(page_of(everything), {"grants-TOTAL_FORMS": "0"}).status_code == 403
    assert viewer.post(delete, {"post": "yes"}).status_code == 403
    assert recorded() == before


def test_ad_02_names_of_secrets_need_a_permission_and_values_are_for_nobody(
    staff: MakeStaff, viewer: Staff, root: Staff, everything: Plugin
) -> None:
    ciphertext = everything.secrets.get().ciphertext
    assert "token" in text_of(viewer.get(_secrets_url(everything)))
    for codename in ("view_plugin", "approve_plugin", "change_plugin", "upload_plugin", "delete_plugin"):
        assert staff(codename).get(_secrets_url(everything)).status_code == 403
    for who in (viewer, root):
        for url in addresses():
            if "/delete/" in url or "/secrets/" in url or "/history/" in url or "/change/" in url:
                content = who.get(url).content.decode()
                assert SECRET not in content
                assert ciphertext not in content


def test_ad_02_a_secret_that_an_admin_sets_is_in_no_page_message_or_history(
    staff: MakeStaff, everything: Plugin
) -> None:
    keeper = staff("change_secret", "view_plugin")
    new = "canary-new-value"
    response = keeper.post(_secrets_url(everything), {"act": "set", "name": "token", "value": new})
    assert response.status_code == 302
    assert new not in str(response.headers) + str(response.cookies)
    refused = keeper.post(_secrets_url(everything), {"act": "set", "name": "BAD NAME", "value": new})
    assert refused.status_code == 200
    pages = [refused, *(keeper.get(url) for url in addresses())]
    assert not [page for page in pages if new.encode() in page.content]
    assert keeper.history() == ["set secret token"]
    assert new not in str(list(LogEntry.objects.values())) + str(recorded())
    row = everything.secrets.get()
    assert row.updated_by == keeper.user
    page = text_of(keeper.get(_secrets_url(everything)))
    assert 'type="password"' in page
    assert 'autocomplete="new-password"' in page


def test_ad_02_who_may_set_secrets_may_nothing_else(staff: MakeStaff, everything: Plugin) -> None:
    keeper = staff("change_secret")
    assert keeper.post(_secrets_url(everything), {"act": "unset", "name": "token"}).status_code == 302
    assert not everything.secrets.exists()
    before = recorded()
    assert {keeper.act(everything, act, number=2).status_code for act in ACTS} == {403}
    assert [keeper.get(UPLOAD).status_code, keeper.post(SYNC).status_code] == [403, 403]
    assert keeper.post(_secrets_url(everything), {"act": "reveal", "name": "token"}).status_code == 400
    assert recorded() == before


def _secrets_url(plugin: Plugin) -> str:
    return reverse("admin:wasm_plugins_plugin_secrets", args=[plugin.pk])
