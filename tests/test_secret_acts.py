"""Setting, taking away and rotating secrets: bounded, and never half done."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from wasm_plugins.exceptions import SecretUnreadable
from wasm_plugins.host.configuration import Configuration
from wasm_plugins.models import Plugin, Secret
from wasm_plugins.runtime.redaction import Redactor
from wasm_plugins.sealing import SecretValue
from wasm_plugins.secret_acts import (
    MOST_SECRETS,
    VALUE_BYTES,
    find_unreadable,
    rotate_secrets,
    set_secret,
    unset_secret,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def plugin(db: None) -> Plugin:
    return Plugin.objects.create(name="loyalty")


def _read(plugin: Plugin, **settings: str) -> dict[str, str]:
    found = Configuration(plugin.pk, plugin.name, Redactor(), settings).all()
    return {name: value.reveal() for name, value in found.items()}


def test_a_secret_is_kept_without_its_value_and_replaced_when_set_again(plugin: Plugin) -> None:
    set_secret(plugin, "token", SecretValue("first value"))
    set_secret(plugin, "token", SecretValue("second value"))
    assert _read(plugin) == {"token": "second value"}
    assert "second" not in str(list(Secret.objects.values()))


def test_settings_are_answered_beside_secrets_which_win(plugin: Plugin) -> None:
    set_secret(plugin, "token", SecretValue("secret"))
    assert _read(plugin, token="public", colour="blue") == {"colour": "blue", "token": "secret"}


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "-a", "a b", "a/b", "../a", "a:b", "ａ", "é", "a\n", "a" * 129, "a\x00"]
)
def test_a_name_that_could_be_taken_for_another_is_refused(plugin: Plugin, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        set_secret(plugin, name, SecretValue("x"))
    assert not Secret.objects.exists()


@pytest.mark.parametrize("value", ["", "a\x00b", "\ud800", "é" * (VALUE_BYTES // 2 + 1)])
def test_a_value_that_is_empty_too_long_or_no_text_is_refused_without_being_told(plugin: Plugin, value: str) -> None:
    with pytest.raises(ValueError, match="value") as caught:
        set_secret(plugin, "token", SecretValue(value))
    assert not value or value not in str(caught.value)


def test_the_longest_value_and_name_are_taken(plugin: Plugin) -> None:
    set_secret(plugin, "a" * 128, SecretValue("x" * VALUE_BYTES))
    assert len(_read(plugin)["a" * 128]) == VALUE_BYTES


def test_a_plugin_has_so_many_secrets_and_no_more(plugin: Plugin) -> None:
    for number in range(MOST_SECRETS):
        set_secret(plugin, f"key{number}", SecretValue("value"))
    with pytest.raises(ValueError, match="limit"):
        set_secret(plugin, "one-more", SecretValue("value"))
    set_secret(plugin, "key0", SecretValue("changed"))
    assert plugin.secrets.count() == MOST_SECRETS


def test_taking_away_says_whether_there_was_one(plugin: Plugin) -> None:
    set_secret(plugin, "token", SecretValue("value"))
    assert [unset_secret(plugin, "token"), unset_secret(plugin, "token")] == [True, False]


def test_rotating_makes_the_old_key_superfluous(plugin: Plugin, settings: Settings) -> None:
    settings.WASM_PLUGINS_SECRET_KEYS = ["o" * 40]
    set_secret(plugin, "token", SecretValue("value"))
    set_at = plugin.secrets.get().updated_at
    settings.WASM_PLUGINS_SECRET_KEYS = ["n" * 40, "o" * 40]
    assert [rotate_secrets(plugin), rotate_secrets(plugin)] == [["token"], []]
    settings.WASM_PLUGINS_SECRET_KEYS = ["n" * 40]
    assert _read(plugin) == {"token": "value"}
    assert plugin.secrets.get().updated_at == set_at


def test_a_secret_that_no_key_opens_stops_the_rotation_and_is_found(plugin: Plugin, settings: Settings) -> None:
    set_secret(plugin, "lost", SecretValue("value"))
    settings.WASM_PLUGINS_SECRET_KEYS = ["n" * 40]
    set_secret(plugin, "token", SecretValue("value"))
    before = list(Secret.objects.values())
    with pytest.raises(SecretUnreadable):
        rotate_secrets(plugin)
    assert list(Secret.objects.values()) == before
    assert find_unreadable(plugin) == ["lost"]
