"""A hook that guards something, and a plugin that fails to answer it: the call site decides what that means."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from tests.components import Function, number_hook, ok, ok_number, plugin_component, spin, text_hook, trap
from tests.installed import install
from wasm_plugins import get_plugin_manager
from wasm_plugins.exceptions import PluginError
from wasm_plugins.health.bulkhead import bulkhead
from wasm_plugins.models import Plugin, VersionHealth
from wasm_plugins.registry import find_snapshot, mark_changed
from wasm_plugins.runtime.wit import Func
from wasm_plugins.signatures import hook_type

pytestmark = pytest.mark.django_db


def as_it_is(plugin: Plugin) -> None:
    """Leave the plugin alone: it fails by itself."""


def asleep(plugin: Plugin) -> None:
    assert plugin.current_version is not None
    until = timezone.now() + timedelta(seconds=60)
    VersionHealth.objects.create(version=plugin.current_version, open_until=until, times_opened=1)
    mark_changed()


STIMULI = [
    pytest.param(text_hook(trap()), as_it_is, "plugin-trapped", id="trap"),
    pytest.param(text_hook(spin()), as_it_is, "deadline-exceeded", id="timeout"),
    pytest.param(number_hook(ok_number(1)), as_it_is, "link-error", id="wrong-type"),
    pytest.param(text_hook(ok("yes")), asleep, "plugin-asleep", id="breaker-open"),
]


def guard(order_id: int, note: str) -> str:
    """The type that the project's hook has."""
    raise NotImplementedError


@pytest.fixture(autouse=True)
def hook_has_a_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the project declare the hook after the plugins were verified, so that a wrong type is met at the call."""
    types: dict[str, Func] = {"guard-opened": hook_type(guard)}
    monkeypatch.setattr("wasm_plugins.manager.find_hook_type", types.get)


def put_up(function: Function, arrange: Callable[[Plugin], None]) -> None:
    """Install the plugin that fails, and after it one that answers."""
    bad = install(plugin_component("bad", hooks={"guard-opened": function}))
    install(plugin_component("good", hooks={"guard-opened": text_hook(ok("fine"))}))
    arrange(bad)


@pytest.mark.parametrize("mode", ["all", "veto", "first"])
@pytest.mark.parametrize(("function", "arrange", "code"), STIMULI)
def test_hp_32_a_site_that_fails_closed_denies_the_request(
    function: Function, arrange: Callable[[Plugin], None], code: str, mode: str
) -> None:
    put_up(function, arrange)
    with pytest.raises(PluginError) as caught, transaction.atomic():
        Group.objects.create(name="let in")
        get_plugin_manager().call_hook_dynamic("guard-opened", 1, "", mode=mode, on_error="raise", deadline_ms=200)
    assert (caught.value.plugin, caught.value.code) == ("bad", code)
    assert not Group.objects.filter(name="let in").exists()


@pytest.mark.parametrize(("function", "arrange", "code"), STIMULI)
def test_hp_32_a_site_that_skips_goes_on_and_marks_who_failed(
    function: Function, arrange: Callable[[Plugin], None], code: str
) -> None:
    put_up(function, arrange)
    results = get_plugin_manager().call_hook_dynamic("guard-opened", 1, "", on_error="skip", deadline_ms=200)
    assert results.values == ["fine"]
    assert [(error.plugin, error.code) for error in results.errors] == [("bad", code)]


def test_hp_32_a_busy_plugin_is_judged_by_the_same_policy() -> None:
    put_up(text_hook(ok("yes")), as_it_is)
    with all_places_taken("bad"):
        with pytest.raises(PluginError) as caught:
            get_plugin_manager().call_hook_dynamic("guard-opened", 1, "", on_error="raise")
        results = get_plugin_manager().call_hook_dynamic("guard-opened", 1, "", on_error="skip")
    assert caught.value.code == "plugin-busy"
    assert (results.values, [error.code for error in results.errors]) == (["fine"], ["plugin-busy"])


@contextmanager
def all_places_taken(name: str) -> Iterator[None]:
    """Have other threads be in calls of a plugin."""
    plugin, over = find_snapshot().plugins[name], threading.Event()
    inside = threading.Barrier(5)

    def stay() -> None:
        with bulkhead.entered(plugin, 4):
            inside.wait(10)
            over.wait(10)

    with ExitStack() as threads:
        for _ in range(4):
            thread = threading.Thread(target=stay)
            thread.start()
            threads.callback(thread.join)
        threads.callback(over.set)
        inside.wait(10)
        yield
