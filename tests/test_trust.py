"""Whose signatures count: recorded with each version, judged anew whenever a key changes, never a silent step back."""

from __future__ import annotations

import time

import pytest
from django.db import IntegrityError
from pytest_django import Settings

from tests.components import json_handler, ok, plugin_component
from tests.signed import ADA, BOB, public, signed
from wasm_plugins import lifecycle, storage
from wasm_plugins.exceptions import SignatureRefused
from wasm_plugins.keyring import revoke_key, trust_key
from wasm_plugins.models import Plugin, PluginVersion, TrustedKey
from wasm_plugins.registry import find_snapshot
from wasm_plugins.states import PluginState, state_of
from wasm_plugins.sync import record_upload, sync
from wasm_plugins.trust import load_keys, trust_of

pytestmark = pytest.mark.django_db

Trust = PluginVersion.Trust


def _greeter(salt: str = "") -> bytes:
    return plugin_component("greeter", tasks={"greet": json_handler(ok("{}"))}, salt=salt)


@pytest.fixture
def ada(settings: Settings) -> TrustedKey:
    """Enforce signatures, and trust one key of the admin's page."""
    settings.WASM_PLUGINS_SIGNATURES = "enforce"
    return trust_key("Ada", public(ADA))


def _serving() -> int | None:
    plugin = find_snapshot().plugins.get("greeter")
    return None if plugin is None else plugin.version


def _enabled(data: bytes) -> Plugin:
    version = record_upload(data)
    return lifecycle.enable(version.plugin, version=version.number)


@pytest.mark.parametrize(
    ("data", "trust", "key"),
    [
        (_greeter(), Trust.UNSIGNED, ""),
        (signed(_greeter()), Trust.SIGNED, public(ADA)),
        (signed(_greeter(), key=BOB), Trust.UNKNOWN, public(BOB)),
        (signed(_greeter(), name="other"), Trust.MODIFIED, public(ADA)),
        (signed(_greeter(), version="2"), Trust.MODIFIED, public(ADA)),
        (signed(_greeter(), capabilities={"database": {}}), Trust.MODIFIED, public(ADA)),
    ],
)
def test_what_a_signature_says_is_recorded_with_its_version(
    data: bytes, trust: Trust, key: str, settings: Settings
) -> None:
    settings.WASM_PLUGINS_TRUSTED_KEYS = {"Ada": public(ADA)}
    version = record_upload(data)
    assert (version.trust, version.signing_key) == (trust, key)
    assert (version.statement is None) == (key == "")


def test_a_signed_version_is_served_where_signatures_are_enforced(ada: TrustedKey) -> None:
    _enabled(signed(_greeter()))
    assert _serving() == 1


def test_a_key_of_the_settings_counts(settings: Settings) -> None:
    settings.WASM_PLUGINS_SIGNATURES = "enforce"
    settings.WASM_PLUGINS_TRUSTED_KEYS = {"Ada": public(ADA).upper()}
    _enabled(signed(_greeter()))
    assert _serving() == 1


def test_a_key_that_is_revoked_in_the_admin_is_revoked_in_the_settings_too(ada: TrustedKey, settings: Settings) -> None:
    settings.WASM_PLUGINS_TRUSTED_KEYS = {"Ada again": public(ADA)}
    revoke_key(ada)
    assert load_keys().trust_of(public(ADA)) == Trust.REVOKED


def test_revoking_a_key_stops_what_it_signed_at_once_and_says_so(ada: TrustedKey) -> None:
    plugin = _enabled(signed(_greeter()))
    assert revoke_key(ada)
    assert _serving() is None
    assert state_of(plugin) == PluginState.UNTRUSTED
    assert trust_of(plugin.versions.get(), load_keys()) == Trust.REVOKED
    assert not revoke_key(ada)


def test_from_a_version_whose_key_was_revoked_there_is_a_way_out(ada: TrustedKey) -> None:
    trust_key("Bob", public(BOB))
    plugin = _enabled(signed(_greeter(), key=BOB))
    record_upload(signed(_greeter("2"), number=2))
    lifecycle.use_version(plugin, 2)
    revoke_key(ada)
    with pytest.raises(SignatureRefused):
        lifecycle.enable(plugin)
    assert _serving() is None
    lifecycle.use_version(plugin, 1)
    assert _serving() == 1
    lifecycle.use_version(lifecycle.disable(plugin), 2)
    with pytest.raises(SignatureRefused):
        lifecycle.enable(plugin, version=2)


@pytest.mark.parametrize(
    ("data", "wanted", "unwanted"),
    [
        (_greeter(), "have it signed", "trust its key"),
        (signed(_greeter(), key=BOB), "trust its key", "--version"),
        (signed(_greeter(), key=ADA), "have it signed", "trust its key"),  # which will be revoked, for good
        (signed(_greeter(), not_before=int(time.time()) + 86_400), "wait until then", "have it signed"),
    ],
)
def test_the_way_out_fits_what_is_wrong(data: bytes, wanted: str, unwanted: str, settings: Settings) -> None:
    key = trust_key("Ada", public(ADA))
    version = record_upload(data)
    settings.WASM_PLUGINS_SIGNATURES = "enforce"
    if wanted == "have it signed":
        revoke_key(key)
    with pytest.raises(SignatureRefused) as caught:
        lifecycle.enable(version.plugin)
    assert wanted in caught.value.message
    assert unwanted not in caught.value.message


def test_a_warning_is_a_finding_and_stops_nothing(settings: Settings) -> None:
    settings.WASM_PLUGINS_SIGNATURES = "warn"
    plugin = _enabled(_greeter())
    assert len(plugin.versions.get().findings) == 1
    assert _serving() == 1


def test_a_refused_version_is_looked_at_again_when_its_key_is_trusted(settings: Settings) -> None:
    settings.WASM_PLUGINS_SIGNATURES = "enforce"
    storage.put_upload("greeter", signed(_greeter()))
    (outcome,) = sync().outcomes
    assert (outcome.result, outcome.code) == ("refused", SignatureRefused.code)
    trust_key("Ada", public(ADA))
    (outcome,) = sync().outcomes
    assert outcome.result == "verified"


def test_a_statement_that_does_not_hold_yet_waits(ada: TrustedKey, settings: Settings) -> None:
    settings.WASM_PLUGINS_UPGRADES = "signed"
    _enabled(signed(_greeter()))
    version = record_upload(signed(_greeter("2"), number=2, not_before=int(time.time()) + 60))
    assert _serving() == 1
    with pytest.raises(SignatureRefused):
        lifecycle.use_version(version.plugin, 2)


@pytest.mark.parametrize("upgrades", ["same-capabilities", "signed"])
def test_a_newer_number_goes_live_by_itself_where_the_project_chose_so(
    upgrades: str, ada: TrustedKey, settings: Settings
) -> None:
    settings.WASM_PLUGINS_UPGRADES = upgrades
    _enabled(signed(_greeter(), number=5))
    record_upload(signed(_greeter("2"), number=6))
    assert _serving() == 2


@pytest.mark.parametrize("upgrades", ["same-capabilities", "signed"])
@pytest.mark.parametrize("policy", ["off", "warn", "enforce"])
@pytest.mark.parametrize("number", [4, 5])
def test_a_number_that_is_not_larger_never_goes_live_by_itself(
    upgrades: str, policy: str, number: int, ada: TrustedKey, settings: Settings
) -> None:
    settings.WASM_PLUGINS_UPGRADES = upgrades
    settings.WASM_PLUGINS_SIGNATURES = policy
    plugin = _enabled(signed(_greeter(), number=5))
    record_upload(signed(_greeter("2"), number=number))
    assert _serving() == 1
    lifecycle.use_version(plugin, 2)
    assert _serving() == 2


@pytest.mark.parametrize("policy", ["off", "warn"])
@pytest.mark.parametrize("data", [_greeter("2"), signed(_greeter("2"), number=9, key=BOB)])
def test_a_version_that_is_less_well_signed_never_replaces_a_better_one_by_itself(
    policy: str, data: bytes, ada: TrustedKey, settings: Settings
) -> None:
    settings.WASM_PLUGINS_UPGRADES = "same-capabilities"
    settings.WASM_PLUGINS_SIGNATURES = policy
    plugin = _enabled(signed(_greeter()))
    record_upload(data)
    assert _serving() == 1
    lifecycle.use_version(plugin, 2)
    assert _serving() == 2


def test_after_a_rollback_a_version_between_does_not_come_by_itself(ada: TrustedKey, settings: Settings) -> None:
    settings.WASM_PLUGINS_UPGRADES = "signed"
    plugin = _enabled(signed(_greeter(), number=1))
    record_upload(signed(_greeter("5"), number=5))
    lifecycle.use_version(plugin, 1)
    record_upload(signed(_greeter("4"), number=4))
    assert _serving() == 1
    record_upload(signed(_greeter("6"), number=6))
    assert _serving() == 4


def test_an_unsigned_version_follows_an_unsigned_one_as_before(settings: Settings) -> None:
    settings.WASM_PLUGINS_UPGRADES = "same-capabilities"
    _enabled(_greeter())
    record_upload(_greeter("2"))
    assert _serving() == 2


def test_an_unsigned_version_does_not_go_live_where_only_signed_ones_do(settings: Settings) -> None:
    settings.WASM_PLUGINS_UPGRADES = "signed"
    _enabled(_greeter())
    record_upload(_greeter("2"))
    assert _serving() == 1


def test_a_key_is_trusted_once_and_a_revoked_one_does_not_come_back(ada: TrustedKey) -> None:
    revoke_key(ada)
    with pytest.raises(IntegrityError):
        trust_key("Ada again", public(ADA))
