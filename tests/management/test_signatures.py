"""Where signatures are enforced, commands and checks name the way out of a plugin that is not trusted."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from tests.admin.plugins import greeter
from tests.installed import install
from tests.management.ran import failed
from tests.signed import ADA, public, signed
from wasm_plugins.keyring import revoke_key, trust_key
from wasm_plugins.management.plugins.checkup import CHECKS
from wasm_plugins.management.plugins.finding import Finding
from wasm_plugins.models import Plugin
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def unsigned(settings: Settings) -> Plugin:
    """An enabled plugin that nobody signed, in a project that wants signatures since."""
    plugin = install(greeter())
    settings.WASM_PLUGINS_SIGNATURES = "enforce"
    return plugin


def _found(name: str) -> list[Finding]:
    return [each for check in CHECKS for each in check() if each.name == name]


def _enable() -> str:
    status, document = failed("enable", "greeter")
    assert (status, document["error"]["code"]) == (1, "signature-refused")
    return str(document["error"]["message"])


def test_a_version_that_is_trusted_is_named_with_its_command(unsigned: Plugin, rq_queue: str) -> None:
    trust_key("Ada", public(ADA))
    record_upload(signed(greeter("2")))
    record_upload(signed(greeter("3"), number=2))
    wanted = "plugins enable greeter --version 3"
    assert wanted in _enable()
    (found,) = _found("signature of greeter")
    assert (found.is_good, wanted in found.advice) == (False, True)
    assert _found("signatures") == []


def test_where_none_is_trusted_it_says_how_to_come_by_one(unsigned: Plugin, rq_queue: str) -> None:
    trust_key("Ada", public(ADA))
    said = _enable()
    (found,) = _found("signature of greeter")
    for text in (said, found.advice):
        assert "--version" not in text
        assert 'WASM_PLUGINS_SIGNATURES to "warn"' in text


def test_where_it_is_only_a_warning_the_way_out_is_not_the_policy_that_holds(
    unsigned: Plugin, settings: Settings, rq_queue: str
) -> None:
    settings.WASM_PLUGINS_SIGNATURES = "warn"
    (found,) = _found("signature of greeter")
    assert '"off"' in found.advice
    assert _found("trusted keys") == []


@pytest.mark.parametrize("where", ["settings", "admin", "nowhere", "revoked"])
def test_signatures_that_are_enforced_without_any_trusted_key_are_a_finding_and_a_warning(
    where: str, settings: Settings, rq_queue: str
) -> None:
    settings.WASM_PLUGINS_SIGNATURES = "enforce"
    if where == "settings":
        settings.WASM_PLUGINS_TRUSTED_KEYS = {"Ada": public(ADA)}
    if where in ("admin", "revoked"):
        key = trust_key("Ada", public(ADA))
        if where == "revoked":
            revoke_key(key)
    is_good = where in ("settings", "admin")
    warned = {each.id for each in run_checks(tags=["wasm_plugins"], databases=["default"])}
    assert ("wasm_plugins.W070" in warned) != is_good
    assert [each.is_good for each in _found("trusted keys")] == ([] if is_good else [False])


@pytest.mark.parametrize("policy", ["off", "warn"])
def test_without_enforcement_no_key_is_needed(policy: str, settings: Settings) -> None:
    settings.WASM_PLUGINS_SIGNATURES = policy
    warned = {each.id for each in run_checks(tags=["wasm_plugins"], databases=["default"])}
    assert "wasm_plugins.W070" not in warned


def test_settings_that_are_no_dictionary_are_told_of_by_their_own_error(settings: Settings) -> None:
    settings.WASM_PLUGINS_SIGNATURES = "enforce"
    settings.WASM_PLUGINS_TRUSTED_KEYS = ["no dictionary"]
    warned = {each.id for each in run_checks(tags=["wasm_plugins"], databases=["default"])}
    assert warned >= {"wasm_plugins.E071"}
