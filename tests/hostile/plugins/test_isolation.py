"""Nothing goes from one call to another: no exception, no state, no damage of a crash."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.components import echo, json_handler, plugin_component, trap
from tests.hostile.plugins.hostile import component, raw, serve
from tests.hostile.soak import FACTOR
from tests.runtime.components import VOID_CALLER, linked
from wasm_plugins import components
from wasm_plugins.exceptions import PluginTrapped
from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.stand_in import Callee
from wasm_plugins.runtime.state import CallState
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db

MIXING_S = 3 * FACTOR
ALTERNATIONS = 1_000 * FACTOR
PATIENT = Limits(deadline_ms=60_000)


class TenantError(Exception):
    """What a host function raises on behalf of one tenant."""


def _loaded(data: bytes) -> Callee:
    """Bring a component in as an upload, and load it as calls do."""
    return components.get_linked(record_upload(data).digest)


def _good_and_bad() -> Callee:
    return _loaded(plugin_component("mixed", tasks={"well": json_handler(echo()), "bad": json_handler(trap())}))


def test_hp_12_exceptions_of_many_threads_are_never_foreign_and_never_lost() -> None:
    mixed = _good_and_bad()
    counts = {"foreign": 0, "lost": 0, "right": 0}
    lock, end_at = threading.Lock(), time.monotonic() + MIXING_S

    def note(state: CallState, number: int) -> None:
        raise TenantError(state.host)

    failing = linked(VOID_CALLER, {"note": note})

    def count(verdict: str) -> None:
        with lock:
            counts[verdict] += 1

    def raise_marked(tenant: str) -> None:
        while time.monotonic() < end_at:
            try:
                sandbox.call(failing, "run", [1], host=tenant, limits=PATIENT)
                count("lost")
            except TenantError as error:
                count("right" if error.args == (tenant,) else "foreign")
            except BaseException:
                count("foreign")

    def crash(_: str) -> None:
        while time.monotonic() < end_at:
            try:
                sandbox.call(mixed, "bad", ["{}"], limits=PATIENT)
                count("lost")
            except PluginTrapped:
                count("right")
            except BaseException:
                count("foreign")

    threads = [
        threading.Thread(target=act, args=[f"tenant-{number}"]) for number in range(4) for act in (raise_marked, crash)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (counts["foreign"], counts["lost"]) == (0, 0)
    assert counts["right"] > 100


def test_hp_13_every_good_call_after_a_trap_succeeds() -> None:
    mixed = _good_and_bad()
    for number in range(ALTERNATIONS):
        with pytest.raises(PluginTrapped):
            sandbox.call(mixed, "bad", ["{}"], limits=PATIENT)
        assert sandbox.call(mixed, "well", [f"{number}"], limits=PATIENT) == f"{number}"


COUNTERS = """
  (if (i32.ne (global.get $count) (i32.const 5)) (then unreachable))
  (if (i32.ne (i32.load (i32.const 100000)) (i32.const 0)) (then unreachable))
  (if (i32.ne (table.size $seen) (i32.const 1)) (then unreachable))
  (if (i32.ne (memory.size) (i32.const PAGES)) (then unreachable))
  (global.set $count (i32.add (global.get $count) (i32.const 1)))
  (i32.store (i32.const 100000) (i32.const 1))
  (drop (table.grow $seen (ref.null func) (i32.const 1)))
  (drop (memory.grow (i32.const 1)))
  {ok})
  (global $count (mut i32) (i32.const 5)) (table $seen 1 100 funcref) (func $unused"""
"""Crashes unless a global, memory and a table are as they were made; then changes all of them."""


def _counting() -> Any:
    return raw(COUNTERS.replace("PAGES", "2"))


def test_hp_14_every_tenant_finds_a_plugin_as_it_was_made(client: Client) -> None:
    serve({"count": _counting()})
    users = [User.objects.create_user(name) for name in ("one", "two")]
    for user in (users[0], users[1], users[0]):
        client.force_login(user)
        response = client.post("/plugins/hostile/count", "{}", content_type="application/json")
        assert response.status_code == 200, response.content


def test_hp_14_the_counters_would_show_what_an_earlier_call_left() -> None:
    changed = COUNTERS.replace("PAGES", "2").replace("(i32.const 5)) (then", "(i32.const 6)) (then")
    linked_ = _loaded(component({"count": raw(changed)}))
    with pytest.raises(PluginTrapped):
        sandbox.call(linked_, "count", ["{}"])
