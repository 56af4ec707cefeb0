"""The page of a plugin's secrets: written once, never read again, by those with the permission to."""

from __future__ import annotations

import logging
import re

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse
from django.utils.log import AdminEmailHandler
from pytest_django import Settings

from tests.admin.conftest import MakeStaff
from tests.admin.pages import Staff, levels_of, page_of, text_of
from tests.admin.plugins import greeter
from tests.components import json_handler, plugin_component
from tests.installed import install
from tests.secret_components import answered
from wasm_plugins import lifecycle
from wasm_plugins.models import Plugin
from wasm_plugins.sealing import SecretValue, unseal
from wasm_plugins.secret_acts import MOST_SECRETS, VALUE_BYTES, set_secret

pytestmark = pytest.mark.django_db

VALUE = " canary value with spaces "


@pytest.fixture
def keeper(staff: MakeStaff) -> Staff:
    """Somebody who may only set secrets."""
    return staff("change_secret")


@pytest.fixture
def url(db: None) -> str:
    """The address of the page of a plugin."""
    return reverse("admin:wasm_plugins_plugin_secrets", args=[install(greeter()).pk])


def _value(name: str = "token") -> str:
    plugin = Plugin.objects.get()
    return unseal(plugin.name, name, plugin.secrets.get(name=name).ciphertext).reveal()


def test_a_secret_is_set_replaced_and_taken_away_with_a_trace_of_each(keeper: Staff, url: str) -> None:
    for value in ("first", VALUE):
        response = keeper.post(url, {"act": "set", "name": "token", "value": value})
        assert (response.status_code, response["Location"], levels_of(response)) == (302, url, ["success"])
        assert _value() == value
    page = text_of(keeper.get(url))
    assert keeper.user.username in page
    assert "canary" not in page
    assert levels_of(keeper.post(url, {"act": "unset", "name": "token"})) == ["success"]
    assert levels_of(keeper.post(url, {"act": "unset", "name": "token"})) == []
    assert keeper.history() == ["took away secret token", "set secret token", "set secret token"]


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("", "x", "name"),
        ("Token", "x", "name"),
        ("../b/token", "x", "name"),
        ("ｔｏｋｅｎ", "x", "name"),
        ("a" * 129, "x", "name"),
        ("token", "", "value"),
        ("token", "x" * (VALUE_BYTES + 1), "value"),
        ("token", "canary\x00", "value"),
    ],
)
def test_what_cannot_be_a_secret_is_refused_at_its_field_and_not_shown_again(
    keeper: Staff, url: str, name: str, value: str, field: str
) -> None:
    page = text_of(keeper.post(url, {"act": "set", "name": name, "value": value}))
    assert f'id="id_{field}_error"' in page
    assert len(value) < 2 or value not in page
    assert "canary" not in page
    assert not Plugin.objects.get().secrets.exists()


def test_one_secret_too_many_is_refused(keeper: Staff, url: str) -> None:
    plugin = Plugin.objects.get()
    for number in range(MOST_SECRETS):
        plugin.secrets.create(name=f"key{number}", ciphertext="v1:AAAA")
    page = text_of(keeper.post(url, {"act": "set", "name": "one-more", "value": VALUE}))
    assert "errorlist" in page
    assert plugin.secrets.count() == MOST_SECRETS


def test_the_plugins_page_leads_there_only_for_those_who_may(keeper: Staff, staff: MakeStaff, url: str) -> None:
    plugin = Plugin.objects.get()
    assert url in text_of(staff("view_secret", "view_plugin").get(page_of(plugin)))
    assert url not in text_of(staff("approve_plugin").get(page_of(plugin)))


def test_who_may_only_see_gets_no_form(staff: MakeStaff, keeper: Staff, url: str) -> None:
    keeper.post(url, {"act": "set", "name": "token", "value": VALUE})
    page = text_of(staff("view_secret").get(url))
    assert "token" in page
    assert 'name="act"' not in page


def test_every_field_has_its_label_and_its_help(keeper: Staff, url: str) -> None:
    page = text_of(keeper.get(url))
    for name in ("name", "value"):
        assert f'<label for="id_{name}"' in page
        assert f'aria-describedby="id_{name}_helptext"' in page
        assert f'id="id_{name}_helptext"' in page
    assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", page)


def test_a_plugin_that_does_not_exist_is_not_found(keeper: Staff) -> None:
    assert keeper.get("/admin/wasm_plugins/plugin/4711/secrets/").status_code == 404


def test_an_error_while_a_secret_is_set_is_mailed_without_it(keeper: Staff, url: str, settings: Settings) -> None:
    settings.ADMINS = [("admin", "admin@example.org")]
    settings.WASM_PLUGINS_SECRET_KEYS = 5  # whatever breaks while the value is in the host's hands
    keeper.client.raise_request_exception = False
    handler = AdminEmailHandler(include_html=True)
    handler.setLevel(logging.ERROR)
    logging.getLogger("django.request").addHandler(handler)
    try:
        assert keeper.post(url, {"act": "set", "name": "token", "value": VALUE}).status_code == 500
    finally:
        logging.getLogger("django.request").removeHandler(handler)
        handler.close()
    assert mail.outbox
    for sent in mail.outbox:
        parts = sent.alternatives if isinstance(sent, EmailMultiAlternatives) else []
        assert not any("canary" in text for text in (str(sent.body), *(str(part[0]) for part in parts)))


def test_a_page_says_when_the_plugin_could_not_read_a_secret(keeper: Staff, url: str) -> None:
    assert "does not ask for the capability" in text_of(keeper.get(url))
    component = plugin_component("vault", tasks={"tell": json_handler(answered("token"))})
    vault = install(component, enable=False)
    page = reverse("admin:wasm_plugins_plugin_secrets", args=[vault.pk])
    assert "is not granted" in text_of(keeper.get(page))
    lifecycle.grant(vault, "config", {})
    assert "plugin-note" not in text_of(keeper.get(page))
    assert levels_of(keeper.post(url, {"act": "set", "name": "token", "value": VALUE})) == ["success"]


def test_a_secret_that_a_command_set_was_set_by_the_system(keeper: Staff, url: str) -> None:
    set_secret(Plugin.objects.get(), "token", SecretValue(VALUE))
    assert "<td>system</td>" in text_of(keeper.get(url))
