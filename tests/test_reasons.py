"""Why nothing calls a plugin: each way to stand has its reason, with the command that ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from tests.admin.plugins import greeter, refused, writer
from tests.installed import install
from tests.signed import ADA, public, signed
from wasm_plugins.models import Plugin, VersionHealth
from wasm_plugins.reasons import why_not_called
from wasm_plugins.states import PluginState, state_of
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db


def _ill(**health: object) -> Plugin:
    plugin = install(greeter())
    VersionHealth.objects.create(version=plugin.versions.get(), **health)
    return Plugin.objects.get()


def test_a_plugin_that_is_called_has_no_reason_not_to_be() -> None:
    assert why_not_called(install(greeter())) == ""


def test_one_that_is_off_is_enabled() -> None:
    assert "plugins enable greeter" in why_not_called(install(greeter(), enable=False))


def test_one_that_was_only_ever_refused_has_nothing_to_call() -> None:
    assert "plugins list" in why_not_called(refused())


def test_one_that_lost_a_grant_names_it() -> None:
    plugin = install(writer(), grants={"database": {}})
    plugin.grants.all().delete()
    assert state_of(plugin) == PluginState.WAITING
    reason = why_not_called(plugin)
    assert "database" in reason
    assert "plugins enable writer --grant requested" in reason


def test_one_that_is_not_trusted_names_the_version_that_is(settings: Settings) -> None:
    plugin = install(greeter())
    record_upload(signed(greeter("2")))
    settings.WASM_PLUGINS_TRUSTED_KEYS = {"Ada": public(ADA)}
    settings.WASM_PLUGINS_SIGNATURES = "enforce"
    assert "plugins enable greeter --version 2" in why_not_called(plugin)


def test_one_that_sleeps_says_after_what_and_how_it_wakes() -> None:
    plugin = _ill(open_until=timezone.now() + timedelta(hours=1), times_opened=1, last_error_code="plugin-trapped")
    reason = why_not_called(plugin)
    assert "plugin-trapped" in reason
    assert "plugins release greeter" in reason


def test_one_in_quarantine_says_how_many_processes_died_and_how_it_is_released() -> None:
    reason = why_not_called(_ill(quarantined_at=timezone.now(), deaths=7))
    assert "7 processes" in reason
    assert "plugins release greeter" in reason


def test_one_that_was_ill_and_is_well_again_is_called() -> None:
    assert why_not_called(_ill(times_opened=0, deaths=1)) == ""


def test_in_safe_mode_none_is_called(settings: Settings) -> None:
    plugin = install(greeter())
    settings.WASM_PLUGINS_SAFE_MODE = True
    assert "WASM_PLUGINS_SAFE_MODE" in why_not_called(plugin)


def test_every_state_is_one_of_those_above() -> None:
    assert set(PluginState) == {
        *(PluginState.RUNNING, PluginState.OFF, PluginState.REFUSED, PluginState.WAITING),
        *(PluginState.UNTRUSTED, PluginState.ASLEEP, PluginState.QUARANTINED),
    }
