"""A sealed secret opens as itself and as nothing else, and with the project's keys only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from wasm_plugins.exceptions import SecretUnreadable
from wasm_plugins.sealing import SecretValue, is_current, seal, unseal

OLD, NEW = "o" * 40, "n" * 40
PLAIN = "correct horse"


def _sealed() -> str:
    return seal("loyalty", "token", SecretValue(PLAIN))


@given(st.text().filter(lambda text: text.encode(errors="ignore").decode() == text))
def test_what_is_sealed_is_unsealed(value: str) -> None:
    assert unseal("loyalty", "token", seal("loyalty", "token", SecretValue(value))).reveal() == value


def test_the_same_value_is_never_sealed_the_same_way_and_nothing_of_it_shows() -> None:
    assert _sealed() != _sealed()
    assert PLAIN not in _sealed()


@pytest.mark.parametrize(("plugin", "name"), [("other", "token"), ("loyalty", "other"), ("loyaltyt", "oken")])
def test_moved_to_another_plugin_or_name_it_does_not_open(plugin: str, name: str) -> None:
    with pytest.raises(SecretUnreadable):
        unseal(plugin, name, _sealed())


@pytest.mark.parametrize("damage", [str.lower, lambda text: text[:-4], lambda text: "v2:" + text[3:], lambda text: ""])
def test_a_text_that_was_changed_does_not_open(damage: object) -> None:
    assert callable(damage)
    with pytest.raises(SecretUnreadable):
        unseal("loyalty", "token", damage(_sealed()))


@given(st.text())
def test_any_text_opens_or_is_refused(text: str) -> None:
    with pytest.raises(SecretUnreadable):
        unseal("loyalty", "token", text)


def test_the_first_key_seals_and_all_open(settings: Settings) -> None:
    settings.WASM_PLUGINS_SECRET_KEYS = [OLD]
    sealed = _sealed()
    settings.WASM_PLUGINS_SECRET_KEYS = [NEW, OLD]
    assert unseal("loyalty", "token", sealed).reveal() == PLAIN
    assert not is_current("loyalty", "token", sealed)
    assert is_current("loyalty", "token", _sealed())
    settings.WASM_PLUGINS_SECRET_KEYS = [NEW]
    with pytest.raises(SecretUnreadable):
        unseal("loyalty", "token", sealed)


def test_without_keys_of_their_own_djangos_are_used(settings: Settings) -> None:
    sealed = _sealed()
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-secret-key"
    assert unseal("loyalty", "token", sealed).reveal() == PLAIN
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(SecretUnreadable):
        unseal("loyalty", "token", sealed)


def test_a_value_shows_itself_to_nobody() -> None:
    value = SecretValue(PLAIN)
    assert {repr(value), str(value), f"{value}", f"{value!r}"} == {"***"}
    assert not hasattr(value, "__dict__")
