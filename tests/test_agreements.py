"""What an admin agrees to is noted, and granted only in the transaction in which the version begins to serve."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from tests.admin.plugins import reader, refuse, writer
from tests.installed import install
from wasm_plugins import lifecycle
from wasm_plugins.agreements import agree, agreed_scopes, go_live, mark_of, mark_of_standing, open_scopes
from wasm_plugins.exceptions import CapabilityDenied, PluginError, SecondPersonNeeded
from wasm_plugins.models import Agreement, Generation, PluginVersion
from wasm_plugins.registry import find_snapshot
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db

SELECT, DELETE = ({"tables": {"shop_order": [operation]}} for operation in ("select", "delete"))


def _agree(version: PluginVersion, *names: str, by: User | None = None) -> tuple[str, ...]:
    return agree(version, names, mark=mark_of(open_scopes(version.plugin, version)), by=by)


def _go_live(version: PluginVersion, by: User | None = None) -> None:
    go_live(version, mark=mark_of_standing(version.plugin, version), by=by)


@pytest.fixture
def upgrade(db: None) -> PluginVersion:
    """Version 2 of a plugin that is on, which wants another right on the same table."""
    install(writer("select"), grants={"database": SELECT})
    return PluginVersion.objects.get(pk=record_upload(writer("delete")).pk)


def test_to_agree_changes_no_grant_and_no_generation(upgrade: PluginVersion) -> None:
    before = Generation.current_token()
    assert _agree(upgrade, "database", "no-such-thing") == ("database",)
    assert Agreement.objects.get().scope == DELETE
    assert upgrade.plugin.grants.get().scope == SELECT
    assert Generation.current_token() == before


def test_to_agree_again_takes_the_place_of_what_was_agreed_to(upgrade: PluginVersion) -> None:
    _agree(upgrade, "database")
    assert _agree(upgrade) == ()
    assert agreed_scopes(upgrade, open_scopes(upgrade.plugin, upgrade)) == {}


def test_grants_and_switch_happen_together_or_not_at_all(upgrade: PluginVersion, settings: Settings) -> None:
    _agree(upgrade, "database")
    settings.WASM_PLUGINS_SIGNATURES = "enforce"
    with pytest.raises(PluginError):
        _go_live(upgrade)
    assert upgrade.plugin.grants.get().scope == SELECT
    settings.WASM_PLUGINS_SIGNATURES = "off"
    _go_live(upgrade)
    found = find_snapshot().plugins["writer"]
    assert (found.version, found.grants) == (2, {"database": DELETE})


def test_what_needs_a_capability_that_is_neither_granted_nor_agreed_to_stays_off() -> None:
    version = install(writer(), enable=False).versions.get()
    with pytest.raises(CapabilityDenied):
        _go_live(version)
    assert "writer" not in find_snapshot().plugins


def test_a_version_that_is_on_can_get_what_somebody_took_away() -> None:
    plugin = install(writer("select"), grants={"database": SELECT})
    lifecycle.revoke(plugin, "database")
    version = plugin.versions.get()
    _agree(version, "database")
    _go_live(version)
    assert find_snapshot().plugins["writer"].grants == {"database": SELECT}


@pytest.mark.parametrize("meanwhile", ["disable", "revoke", "grant", "switch"])
def test_who_saw_something_else_than_what_would_happen_does_nothing(upgrade: PluginVersion, meanwhile: str) -> None:
    _agree(upgrade, "database")
    plugin = upgrade.plugin
    mark = mark_of_standing(plugin, upgrade)
    if meanwhile == "disable":
        lifecycle.disable(plugin)
    elif meanwhile == "revoke":
        lifecycle.revoke(plugin, "database")
    elif meanwhile == "grant":
        lifecycle.grant(plugin, "database", {"tables": {"shop_order": ["select", "insert"]}})
    else:
        lifecycle.use_version(plugin, record_upload(writer("select", salt="3")).number)
    before = Generation.current_token()
    with pytest.raises(PluginError):
        go_live(upgrade, mark=mark)
    assert Generation.current_token() == before


def test_two_persons_hold_for_agreeing_and_for_enabling(settings: Settings) -> None:
    settings.WASM_PLUGINS_TWO_PERSONS = True
    ada, bob = (User.objects.create_user(name) for name in ("ada", "bob"))
    version = record_upload(writer(), by=ada)
    for act in (lambda: _agree(version, "database", by=ada), lambda: _go_live(version, by=ada)):
        with pytest.raises(SecondPersonNeeded):
            act()
    _agree(version, "database", by=bob)
    with pytest.raises(SecondPersonNeeded):
        _go_live(version, by=ada)
    _go_live(version, by=bob)
    assert version.plugin.grants.get().granted_by == bob


def test_nobody_agrees_to_what_was_refused() -> None:
    version = refuse(install(reader()))
    with pytest.raises(PluginError):
        agree(version, [], mark=mark_of({}))
    with pytest.raises(PluginError):
        go_live(version, mark="")
