"""Plugins that never end, wherever they do it: each ends at its deadline, and the next call is served."""

from __future__ import annotations

import time

import pytest
from django.test import Client
from pytest_django import Settings

from tests.components import plugin_component, spin
from tests.hostile.plugins.hostile import PAGE_BYTES, TIMEOUT, ask, component, is_well, outcome, raw, serve, wasi_probe
from tests.installed import install
from wasm_plugins import get_plugin_manager, lifecycle, storage
from wasm_plugins.exceptions import DeadlineExceeded, LimitExceeded, PluginTrapped
from wasm_plugins.models import Plugin, PluginVersion
from wasm_plugins.sync import sync

pytestmark = pytest.mark.django_db

LATE_S = 1.5
"""How late a deadline may be noticed on a busy machine."""

HOUR_NS = 3600 * 10**9
LOOPS_IN_START = "(core module $evil (func $spin (loop $a (br $a))) (start $spin)) (core instance (instantiate $evil))"


@pytest.mark.parametrize(
    "loop", [spin(), raw("(loop $a (loop $b (br $a))) unreachable"), raw("(loop $a (br_if $a (i32.const 1))) {ok}")]
)
def test_hp_01_a_spin_in_a_route_ends_at_its_deadline_and_the_next_call_is_served(
    client: Client, settings: Settings, loop: object
) -> None:
    settings.WASM_PLUGINS_ROUTE_DEADLINE_MS = 500
    serve({"spin": loop})  # type: ignore[dict-item]
    assert is_well(client)
    begun = time.monotonic()
    assert outcome(ask(client, "spin")) == TIMEOUT
    assert 0.5 <= time.monotonic() - begun < 0.5 * 1.2 + LATE_S
    assert is_well(client)


def test_hp_01_a_plugin_with_less_time_of_its_own_ends_sooner(client: Client, settings: Settings) -> None:
    settings.WASM_PLUGINS_ROUTE_DEADLINE_MS = 60_000
    plugin = serve({"spin": spin()})
    lifecycle.set_limits(plugin, {"route_deadline_ms": 100})
    begun = time.monotonic()
    assert outcome(ask(client, "spin")) == TIMEOUT
    assert time.monotonic() - begun < 0.1 + LATE_S


@pytest.mark.parametrize(
    "options",
    [{"head": LOOPS_IN_START}, {"manifest_body": "(loop $a (br $a)) unreachable"}],
    ids=["in a start function", "in get-manifest"],
)
def test_hp_02_a_spin_at_load_is_refused_within_its_budget_and_others_load(
    client: Client, settings: Settings, options: dict[str, str]
) -> None:
    settings.WASM_PLUGINS_MANIFEST_DEADLINE_MS = 300
    storage.put_upload("hostile", component({}, **options))
    storage.put_upload("good", component({}, name="good"))
    begun = time.monotonic()
    sync()
    assert time.monotonic() - begun < 20
    refused = PluginVersion.objects.get(plugin__name="hostile")
    assert (refused.state, refused.error_code) == ("refused", "deadline-exceeded")
    assert "300 ms" in refused.problem
    lifecycle.enable(Plugin.objects.get(name="good"))
    assert is_well(client, "good")


@pytest.mark.parametrize("hook", ["sleep", "sleep-until", "poll", "spin-on-ready"])
@pytest.mark.parametrize("number", [HOUR_NS * 24, 2**64 - 1])
def test_hp_03_waiting_for_an_hour_ends_at_the_deadline(hook: str, number: int) -> None:
    lifecycle.set_limits(install(wasi_probe()), {"host_calls": 10_000_000})
    if hook == "sleep-until":  # which counts from where the machine's clock began
        number = min(time.monotonic_ns() + number, 2**64 - 1)
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        get_plugin_manager().call_hook_dynamic(hook, number, deadline_ms=300)
    assert 0.3 <= time.monotonic() - begun < 0.3 + LATE_S


def test_hp_03_polling_an_empty_list_is_a_trap_and_reading_input_finds_its_end() -> None:
    install(wasi_probe())
    with pytest.raises(PluginTrapped):
        get_plugin_manager().call_hook_dynamic("poll-nothing", 0)
    (answer,) = get_plugin_manager().call_hook_dynamic("read-input", 1_000_000)
    assert answer.value == 0x101  # an error, closed


def test_hp_03_a_loop_of_host_calls_ends_at_their_number() -> None:
    lifecycle.set_limits(install(wasi_probe()), {"host_calls": 500})
    with pytest.raises(LimitExceeded) as caught:
        get_plugin_manager().call_hook_dynamic("spin-on-ready", 0, deadline_ms=60_000)
    assert caught.value.limit == "host_calls"
    assert "501" in str(caught.value) and "500" in str(caught.value)


def test_hp_05_filling_all_memory_again_and_again_ends_at_the_deadline(client: Client, settings: Settings) -> None:
    settings.WASM_PLUGINS_ROUTE_DEADLINE_MS = 500
    size = f"(i32.mul (memory.size) (i32.const {PAGE_BYTES}))"
    grow = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))"
    fill = f"(memory.fill (i32.const 0) (i32.const 1) {size})"
    serve({"fill": raw(f"{grow} (loop $again {fill} (br $again)) unreachable")})
    begun = time.monotonic()
    assert outcome(ask(client, "fill")) == TIMEOUT
    assert time.monotonic() - begun < 0.5 + 0.5 + LATE_S
    assert is_well(client)


def test_hp_01_a_hook_that_spins_in_one_plugin_keeps_no_other_from_answering() -> None:
    from tests.components import ok, text_hook

    install(plugin_component("spinner", hooks={"order-placed": text_hook(spin())}))
    install(plugin_component("greeter", hooks={"order-placed": text_hook(ok("hello"))}))
    results = get_plugin_manager().call_hook_dynamic("order-placed", 1, "", on_error="skip", deadline_ms=200)
    assert [(each.plugin, each.value) for each in results] == [("greeter", "hello"), ("spinner", None)]
    assert isinstance(results[1].error, DeadlineExceeded)
