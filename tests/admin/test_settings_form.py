"""The form of a plugin's settings: made of its schema, refused at the field, saved for every process, read at once."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.admin.conftest import MakeStaff
from tests.admin.pages import Staff, levels_of, page_of, text_of
from tests.admin.plugins import greeter
from tests.admin.settings_plugin import GOOD, IMG, STORED, TOML, install_teller, settings_url, teller
from tests.installed import install
from wasm_plugins import get_plugin_manager, lifecycle
from wasm_plugins.models import AuditEntry, Plugin
from wasm_plugins.registry import find_snapshot
from wasm_plugins.sealing import unseal
from wasm_plugins.settings_acts import set_settings
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db


BAD = [
    ("shop", ""),
    ("shop", "a"),
    ("shop", "x" * 21),
    ("shop", "Not Lower"),
    ("shop", "a" * 19 + "!"),
    ("currency", "2"),
    ("currency", "EUR"),
    ("rate", "2"),
    ("rate", "nan"),
    ("rate", "1e400"),
    ("rate", IMG),
    ("doubles", "maybe"),
    ("smtp.port", "x"),
    ("smtp.port", "2.5"),
    ("smtp.port", "9" * 5000),
    ("tags", "a\na"),
    ("tags", "toolong"),
    ("tags", "a\nb\nc\nd"),
    ("rules", "{"),
    ("rules", '{"name": 1}'),
    ("rules", '[{"name": 1}]'),
    ("rules", "[" * 100_000),
    ("rules", "NaN"),
]


@pytest.fixture
def tuner(staff: MakeStaff) -> Staff:
    """Somebody who may tune, and may neither see nor set secrets."""
    return staff("change_plugin")


@pytest.fixture
def plugin(db: None) -> Plugin:
    """A plugin with settings."""
    return install_teller()


def _told() -> Any:
    return get_plugin_manager().execute_task("teller/tell", {})


def test_what_is_saved_is_what_the_plugin_reads_with_its_next_call(tuner: Staff, plugin: Plugin) -> None:
    find_snapshot()
    response = tuner.post(settings_url(plugin), GOOD)
    assert (response.status_code, levels_of(response)) == (302, ["success"])
    plugin.refresh_from_db()
    assert plugin.settings == STORED
    assert _told() == "my shop"
    tuner.post(settings_url(plugin), {**GOOD, "setting-shop": "other shop"})
    assert _told() == "other shop"
    entry = AuditEntry.objects.filter(act="settings").latest("pk")
    assert (entry.username, entry.details) == (tuner.user.username, {"changed": ["shop"]})
    assert tuner.history()[0] == "changed settings: shop"


def test_what_is_as_the_default_says_follows_the_default(tuner: Staff, plugin: Plugin) -> None:
    tuner.post(settings_url(plugin), {**GOOD, "setting-rate": "0.5", "setting-currency": "0", "setting-smtp.port": ""})
    plugin.refresh_from_db()
    assert not {"rate", "currency", "smtp"} & plugin.settings.keys()
    assert find_snapshot().plugins["teller"].settings["smtp.port"] == "25"


def test_a_text_with_a_default_can_be_emptied(tuner: Staff, plugin: Plugin) -> None:
    tuner.post(settings_url(plugin), {**GOOD, "setting-greeting": ""})
    assert find_snapshot().plugins["teller"].settings["greeting"] == ""


def test_the_form_shows_what_holds(tuner: Staff, plugin: Plugin) -> None:
    page = text_of(tuner.get(settings_url(plugin)))
    assert re.search(r'name="setting-rate"[^>]* value="0.5"', page)
    set_settings(plugin, STORED)
    page = text_of(tuner.get(settings_url(plugin)))
    assert re.search(r'name="setting-shop"[^>]* value="my shop"', page) or 'value="my shop"' in page
    assert re.search(r'<option value="1" selected>USD', page)
    assert "a\nb</textarea>" in page


def test_a_value_that_does_not_fit_is_refused_at_its_field(tuner: Staff, plugin: Plugin) -> None:
    for field, value in BAD:  # all in one test, because each plugin that is made anew costs most of a second
        page = text_of(tuner.post(settings_url(plugin), {**GOOD, f"setting-{field}": value}))
        assert f'id="id_setting-{field}_error"' in page, (field, value[:20])
        assert IMG not in page
    plugin.refresh_from_db()
    assert plugin.settings == {}


def test_values_that_are_too_large_together_are_refused(tuner: Staff, plugin: Plugin) -> None:
    rules = json.dumps([{"name": "x" * 1_000}] * 70)
    assert "errorlist" in text_of(tuner.post(settings_url(plugin), {**GOOD, "setting-rules": rules}))
    plugin.refresh_from_db()
    assert plugin.settings == {}


def test_every_field_has_a_label_and_a_help_and_nothing_of_the_schema_is_html(tuner: Staff, plugin: Plugin) -> None:
    page = text_of(tuner.get(settings_url(plugin)))
    names = re.findall(r'name="setting-([a-z.]+)"', page)
    assert names == ["shop", "currency", "rate", "doubles", "greeting", "token", "smtp.port", "tags", "rules"]
    for name in names:
        assert re.search(rf'<label (class="required" )?for="id_setting-{re.escape(name)}"', page), name
        assert f'id="id_setting-{name}_helptext"' in page
    assert "<legend" in page
    assert IMG not in page
    assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", page)


def test_who_may_only_see_reads_the_values_and_sends_nothing(viewer: Staff, plugin: Plugin) -> None:
    set_settings(plugin, {"shop": "my shop"})
    page = text_of(viewer.get(settings_url(plugin)))
    assert "“my shop”" in page
    assert 'type="submit" class="default"' not in page
    assert viewer.post(settings_url(plugin), GOOD).status_code == 403
    assert settings_url(plugin) in text_of(viewer.get(page_of(plugin)))


def test_who_may_not_see_settings_does_not_see_them_in_a_form_that_is_refused(staff: MakeStaff, plugin: Plugin) -> None:
    keeper = staff("change_secret")
    assert keeper.post(settings_url(plugin), {"setting-token": "canary"}).status_code == 403
    assert not plugin.secrets.exists()


@pytest.mark.parametrize("rule", ['"a\\u0000"', '"\\ud800"', "1e400", '{"\\u0000": 1}'])
def test_what_the_database_cannot_keep_is_refused_inside_a_value_too(tuner: Staff, plugin: Plugin, rule: str) -> None:
    rules = f'[{{"name": "x", "more": {rule}}}]'
    assert "errorlist" in text_of(tuner.post(settings_url(plugin), {**GOOD, "setting-rules": rules}))
    plugin.refresh_from_db()
    assert plugin.settings == {}


def test_a_secret_is_set_by_those_who_may_and_never_comes_back(staff: MakeStaff, plugin: Plugin) -> None:
    keeper = staff("view_plugin", "change_secret")
    url = settings_url(plugin)
    assert "No secret is set." in text_of(keeper.get(url))
    assert keeper.post(url, {"setting-token": "canary", "setting-shop": "not his"}).status_code == 302
    assert unseal("teller", "token", plugin.secrets.get().ciphertext).reveal() == "canary"
    page = text_of(keeper.get(url))
    assert "A secret is set" in page
    assert "canary" not in page
    keeper.post(url, {"setting-token": ""})
    assert plugin.secrets.exists()
    plugin.refresh_from_db()
    assert plugin.settings == {}


def test_who_may_not_set_secrets_sets_none_by_naming_them(tuner: Staff, plugin: Plugin) -> None:
    page = text_of(tuner.get(settings_url(plugin)))
    assert "secret is set" not in page
    assert tuner.post(settings_url(plugin), {**GOOD, "setting-token": "canary"}).status_code == 302
    assert not plugin.secrets.exists()
    plugin.refresh_from_db()
    assert "token" not in plugin.settings


def test_settings_survive_a_version_that_does_not_know_them(tuner: Staff, plugin: Plugin) -> None:
    set_settings(plugin, STORED)
    other = '[settings.properties.shop]\ntype = "integer"\ndefault = 7\n'
    record_upload(teller(toml=other, salt="2"))
    plugin.refresh_from_db()
    lifecycle.use_version(plugin, 2)
    assert find_snapshot().plugins["teller"].settings == {"shop": "7"}
    assert "does not fit any more" in text_of(tuner.get(settings_url(plugin)))
    tuner.post(settings_url(plugin), {"setting-shop": "8"})
    lifecycle.use_version(plugin, 1)
    assert find_snapshot().plugins["teller"].settings["currency"] == "USD"


def test_a_plugin_without_settings_says_so(tuner: Staff) -> None:
    plugin = install(greeter())
    assert "declares no settings" in text_of(tuner.get(settings_url(plugin)))
    assert 'id="settings"' not in text_of(tuner.get(page_of(plugin)))
    assert "errornote" in text_of(tuner.post(settings_url(plugin), {}))


def test_a_request_from_another_site_changes_nothing(staff: MakeStaff, plugin: Plugin) -> None:
    assert staff("change_plugin", enforce_csrf=True).post(settings_url(plugin), GOOD).status_code == 403


def test_the_schema_of_this_test_has_a_field_of_every_kind() -> None:
    assert TOML.count("[settings.properties.") == len(GOOD) + 2  # the secret, and the group
