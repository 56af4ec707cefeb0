"""Trusted keys in the admin: added, revoked, never changed or forgotten, and only by those who may."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from pytest_django import Settings

from tests.admin.conftest import MakeStaff
from tests.admin.pages import Staff, levels_of, text_of
from tests.signed import ADA, BOB, public
from wasm_plugins.keyring import revoke_key, trust_key
from wasm_plugins.models import Generation, TrustedKey

pytestmark = pytest.mark.django_db

LIST = "/admin/wasm_plugins/trustedkey/"
KEY = public(ADA)


def _page(key: TrustedKey, page: str) -> str:
    return reverse(f"admin:wasm_plugins_trustedkey_{page}", args=[key.pk])


@pytest.fixture
def keeper(staff: MakeStaff) -> Staff:
    """Somebody who may add and revoke keys."""
    return staff("add_trustedkey", "change_trustedkey", "view_trustedkey")


def test_a_key_is_added_with_who_added_it_and_every_process_notices(keeper: Staff) -> None:
    before = Generation.current_token()
    keeper.post(f"{LIST}add/", {"name": "Ada", "public_key": f" {KEY.upper()} "})
    key = TrustedKey.objects.get()
    assert (key.public_key, key.added_by, key.is_revoked) == (KEY, keeper.user, False)
    assert Generation.current_token() != before
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("text", ["", "00", "x" * 64, "<script>"])
def test_what_is_no_key_is_refused_at_its_field(keeper: Staff, text: str) -> None:
    page = text_of(keeper.post(f"{LIST}add/", {"name": "Ada", "public_key": text}))
    assert 'id="id_public_key_error"' in page
    assert not TrustedKey.objects.exists()


def test_the_same_key_twice_is_refused_at_its_field(keeper: Staff) -> None:
    trust_key("Ada", KEY)
    assert keeper.post(f"{LIST}add/", {"name": "Again", "public_key": KEY.upper()}).status_code == 200
    assert TrustedKey.objects.count() == 1


def test_a_key_is_revoked_by_its_button_and_stays_in_the_list(keeper: Staff) -> None:
    key = trust_key("Ada", KEY)
    assert _page(key, "revoke") in text_of(keeper.get(_page(key, "change")))
    assert levels_of(keeper.post(_page(key, "revoke"))) == ["success"]
    key.refresh_from_db()
    assert key.is_revoked
    assert key.revoked_at is not None
    assert _page(key, "revoke") not in text_of(keeper.get(_page(key, "change")))
    assert levels_of(keeper.post(_page(key, "revoke"))) == ["info"]
    assert keeper.history() == ["revoked"]
    assert KEY in text_of(keeper.get(LIST))


def test_several_keys_are_revoked_by_the_lists_action(keeper: Staff) -> None:
    key = trust_key("Ada", KEY)
    keeper.post(LIST, {"action": "revoke_selected", "_selected_action": [key.pk]})
    assert TrustedKey.objects.get().is_revoked


def test_a_key_is_neither_changed_nor_deleted(root: Staff) -> None:
    key = trust_key("Ada", KEY)
    root.post(_page(key, "change"), {"name": "Eve", "public_key": "00" * 32, "is_revoked": ""})
    root.post(_page(key, "delete"), {"post": "yes"})
    root.post(LIST, {"action": "delete_selected", "_selected_action": [key.pk], "post": "yes"})
    again = TrustedKey.objects.get()
    assert (again.name, again.public_key) == ("Ada", KEY)


@pytest.mark.parametrize("who", ["nobody", "viewer", "uploader", "approver"])
def test_who_may_not_keep_keys_neither_adds_nor_revokes(who: str, request: pytest.FixtureRequest) -> None:
    staff: Staff = request.getfixturevalue(who)
    key = trust_key("Ada", KEY)
    assert staff.post(f"{LIST}add/", {"name": "Eve", "public_key": "00" * 32}).status_code == 403
    assert staff.post(_page(key, "revoke")).status_code == 403
    assert staff.get(LIST).status_code == 403
    assert not TrustedKey.objects.get().is_revoked


def test_revoking_wants_post_and_a_csrf_token(staff: MakeStaff) -> None:
    strict = staff("change_trustedkey", "view_trustedkey", enforce_csrf=True)
    key = trust_key("Ada", KEY)
    assert strict.get(_page(key, "revoke")).status_code == 405
    assert strict.post(_page(key, "revoke")).status_code == 403
    assert not TrustedKey.objects.get().is_revoked


def test_keys_of_the_settings_are_shown_with_their_source_and_cannot_be_touched(
    keeper: Staff, settings: Settings
) -> None:
    settings.WASM_PLUGINS_TRUSTED_KEYS = {"<b>Bob": public(BOB).upper(), "Ada too": KEY}
    revoke_key(trust_key("Ada", KEY))
    page = text_of(keeper.get(LIST))
    shown = page[page.index("settings-keys-heading") :]
    assert "&lt;b&gt;Bob" in shown
    assert public(BOB).upper() in shown
    assert shown.count("WASM_PLUGINS_TRUSTED_KEYS") == 2
    assert (shown.count(">trusted<"), shown.count(">revoked above<")) == (1, 1)
    assert "<input" not in shown


def test_without_keys_of_the_settings_there_is_no_section_for_them(keeper: Staff) -> None:
    assert "settings-keys-heading" not in text_of(keeper.get(LIST))


def test_a_key_that_a_command_added_was_added_by_the_system(keeper: Staff) -> None:
    key = trust_key("Ada", KEY)
    assert '<td class="field-adder">system</td>' in text_of(keeper.get(LIST))
    assert "system" in text_of(keeper.get(_page(key, "change")))
