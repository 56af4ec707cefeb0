"""API tokens in the admin: made for oneself, seen once, listed with when they were used, revoked."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.admin.conftest import MakeStaff
from tests.admin.pages import Staff, levels_of, text_of
from tests.api.asked import Program
from wasm_plugins.models import ApiToken
from wasm_plugins.sealing import SecretValue
from wasm_plugins.tokens import find_token

pytestmark = pytest.mark.django_db

LIST = "/admin/wasm_plugins/apitoken/"
FORM = {"name": "laptop", "acts": ["see", "upload"], "plugins": "bonus, shipping", "days": "7"}


@pytest.fixture
def maker(staff: MakeStaff) -> Staff:
    """Somebody who may make tokens."""
    return staff("add_apitoken")


def test_a_token_is_shown_on_one_page_and_works(maker: Staff) -> None:
    assert 'name="acts" value="upload"' in text_of(maker.get(f"{LIST}add/"))
    response = maker.post(f"{LIST}add/", FORM)
    (secret,) = re.findall(r'value="(wpt_[0-9a-f_]+)"', text_of(response))
    assert "no-store" in response["Cache-Control"]
    token = find_token(SecretValue(secret))
    assert (token.user, token.plugins) == (maker.user, ["bonus", "shipping"])
    assert token.expires_at - token.created_at == timedelta(days=7)
    for page in (LIST, f"{LIST}{token.pk}/change/", "/admin/wasm_plugins/auditentry/"):
        assert secret[-64:] not in maker.get(page).content.decode()
    assert maker.history() == [f"made token {token.key}"]


def test_when_a_token_was_used_is_noted_to_the_minute(maker: Staff) -> None:
    program = Program(maker.user)
    program.ask("GET", "token/")
    used = ApiToken.objects.get().last_used_at
    assert used is not None
    program.ask("GET", "token/")
    assert ApiToken.objects.get().last_used_at == used
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    program.ask("GET", "token/")
    assert ApiToken.objects.get().last_used_at > used  # type: ignore[operator]


def test_ones_own_token_is_revoked_by_its_button_or_in_the_list(maker: Staff) -> None:
    first, second = Program(maker.user), Program(maker.user)
    page = f"{LIST}{first.token.pk}/change/"
    assert "/revoke/" in text_of(maker.get(page))
    assert levels_of(maker.post(f"{LIST}{first.token.pk}/revoke/")) == ["success"]
    assert "/revoke/" not in text_of(maker.get(page))
    assert levels_of(maker.post(f"{LIST}{first.token.pk}/revoke/")) == ["info"]
    maker.post(LIST, {"action": "revoke_selected", "_selected_action": [second.token.pk]})
    assert not ApiToken.objects.filter(revoked_at=None).exists()
    assert first.ask("GET", "token/").status_code == 401


def test_what_is_wrong_in_the_form_is_said_at_its_field(maker: Staff) -> None:
    page = text_of(maker.post(f"{LIST}add/", {**FORM, "plugins": "<b>"}))
    assert 'id="id_plugins_error"' in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_a_list_of_tokens_takes_as_many_queries_as_one(staff: MakeStaff, django_assert_max_num_queries: object) -> None:
    viewer = staff("view_apitoken")
    for number in range(4):
        Program(staff().user)
        assert number < 4
    with django_assert_max_num_queries(9):  # type: ignore[operator]
        text_of(viewer.get(LIST))
