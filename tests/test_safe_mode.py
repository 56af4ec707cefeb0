"""Safe mode: a site without plugins, in which nothing of wasm is loaded, and an operator can still act."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from tests.admin.conftest import root  # noqa: F401 - a fixture
from tests.admin.pages import LIST, SYNC, Staff, levels_of, page_of, text_of
from tests.components import json_handler, ok, plugin_component, route, text_hook
from tests.installed import install
from wasm_plugins import get_plugin_manager
from wasm_plugins.checks import check_settings
from wasm_plugins.conf import is_safe_mode
from wasm_plugins.exceptions import SafeModeOn
from wasm_plugins.models import AuditEntry, Plugin, Route
from wasm_plugins.registry import mark_changed
from wasm_plugins.sync import record_upload, sync

COMPONENT = plugin_component(
    "parrot", hooks={"speak": text_hook(ok("hi"))}, routes=[route("/parrot/one", json_handler(ok("{}")))]
)


@pytest.fixture
def parrot(db: None, settings: Settings) -> Plugin:
    """A plugin that was on when safe mode came."""
    plugin = install(COMPONENT)
    Route.objects.update(access="public")
    mark_changed()
    settings.WASM_PLUGINS_SAFE_MODE = True
    mark_changed()
    return plugin


def test_nothing_is_called_synced_or_uploaded(parrot: Plugin, client: Client) -> None:
    assert get_plugin_manager().call_hook_dynamic("speak", 1, "") == []
    assert client.get("/plugins/parrot/one").status_code == 404
    with pytest.raises(SafeModeOn):
        sync()
    with pytest.raises(SafeModeOn):
        record_upload(COMPONENT)


def test_the_admin_works_and_says_so(parrot: Plugin, root: Staff) -> None:  # noqa: F811
    assert "Safe mode is on" in text_of(root.get(LIST))
    assert "Safe mode is on" in text_of(root.get(page_of(parrot)))
    assert all('class="errornote"' in text_of(response) for response in (root.get(SYNC), root.post(SYNC)))
    assert "safe mode is on" in text_of(root.upload(COMPONENT))
    assert levels_of(root.act(parrot, "disable")) == ["success"]
    parrot.refresh_from_db()
    assert not parrot.is_enabled


def test_a_system_check_says_so(settings: Settings) -> None:
    settings.WASM_PLUGINS_SAFE_MODE = True
    assert "wasm_plugins.W030" in {message.id for message in check_settings(None)}
    settings.WASM_PLUGINS_SAFE_MODE = "yes"
    assert "wasm_plugins.E030" in {message.id for message in check_settings(None)}


@pytest.mark.parametrize(("said", "is_on"), [("1", True), ("true", True), ("", False), ("0", False), ("off", False)])
def test_the_environment_variable_wins_over_the_setting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, said: str, is_on: bool
) -> None:
    settings.WASM_PLUGINS_SAFE_MODE = not is_on
    monkeypatch.setenv("WASM_PLUGINS_SAFE_MODE", said)
    assert is_safe_mode() is is_on


ACT = """
import django
django.setup()
from django.core.management import call_command
from django.test import Client
from wasm_plugins import get_plugin_manager
from wasm_plugins.runtime import engine
assert get_plugin_manager().call_hook_dynamic("speak", 1, "") == []
assert Client().get("/plugins/parrot/one").status_code == 404
call_command("plugins", "list")
call_command("plugins", "disable", "--all")
call_command("plugins", "release", "parrot")
assert engine._runtime is None, "an engine was made"
"""


@pytest.mark.django_db(transaction=True)
def test_no_engine_is_made_and_all_can_be_disabled_while_the_storage_is_away(
    child_environment: dict[str, str], settings: Settings
) -> None:
    install(COMPONENT)
    broken = {
        **os.environ,
        **child_environment,
        "WASM_PLUGINS_SAFE_MODE": "1",
        "SHOP_S3_ENDPOINT": "http://127.0.0.1:9",
    }
    done = subprocess.run([sys.executable, "-c", ACT], env=broken, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not Plugin.objects.get().is_enabled
    assert AuditEntry.objects.filter(act="disable").count() == 1


@pytest.mark.django_db
def test_all_are_disabled_without_safe_mode_even_if_their_bytes_and_the_storage_are_gone(settings: Settings) -> None:
    install(COMPONENT)
    settings.STORAGES = {**settings.STORAGES, "plugins": {"BACKEND": "no.such.Storage"}}
    call_command("plugins", "disable", "--all")
    assert not Plugin.objects.get().is_enabled
