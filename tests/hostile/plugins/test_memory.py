"""Plugins that want all memory, stack, instances or tables: each gets what its limits say, and no more."""

from __future__ import annotations

import gc
import resource
from pathlib import Path

import pytest
from django.test import Client

from tests.hostile.plugins.hostile import (
    PAGE_BYTES,
    TRAP,
    ask,
    component,
    is_well,
    outcome,
    raw,
    serve,
)
from wasm_plugins import lifecycle, storage
from wasm_plugins.conf import conf
from wasm_plugins.exceptions import LimitExceeded
from wasm_plugins.models import Plugin, PluginVersion
from wasm_plugins.sync import record_upload, sync

pytestmark = pytest.mark.django_db

MIB = 1024 * 1024
SLACK_BYTES = 10 * MIB
PAGES = conf.MEMORY_BYTES // PAGE_BYTES
TOUCH_ALL = f"""(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
  (loop $touch
    (i32.store8 (i32.mul (local.get 0) (i32.const {PAGE_BYTES})) (i32.const 1))
    (local.set 0 (i32.add (local.get 0) (i32.const 1)))
    (br_if $touch (i32.lt_u (local.get 0) (memory.size))))"""


def _instances(module: str, count: int) -> str:
    return f"(core module $evil {module})" + "(core instance (instantiate $evil))" * count


def _resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _most_resident_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024


def _forget_most_resident() -> None:
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak of the resident set


@pytest.mark.parametrize(
    "recursion",
    [
        "(call $f) unreachable) (func $f (call $f)",
        "(drop (call $f (i64.const 1))) unreachable) (func $f (param i64) (result i64) (call $f (local.get 0))",
    ],
    ids=["without arguments", "with arguments"],
)
def test_hp_04_unbounded_recursion_is_a_trap_and_the_process_lives(client: Client, recursion: str) -> None:
    serve({"recurse": raw(recursion)})
    assert outcome(ask(client, "recurse")) == TRAP
    assert is_well(client)


def test_hp_06_a_memory_hog_stops_at_its_limit(client: Client) -> None:
    body = f"""(local.set 0 (i32.const 0)) {TOUCH_ALL}
      (if (i32.ne (memory.size) (i32.const {PAGES})) (then unreachable)) {{ok}}"""
    serve({"hog": raw(body)})
    assert is_well(client)
    before = _resident_bytes()
    _forget_most_resident()
    assert ask(client, "hog").status_code == 200
    assert _most_resident_bytes() - before <= conf.MEMORY_BYTES + SLACK_BYTES
    assert _resident_bytes() - before <= SLACK_BYTES
    assert is_well(client)


def test_hp_06_a_plugin_with_less_memory_of_its_own_stops_sooner(client: Client) -> None:
    body = (
        f"(local.set 0 (i32.const 0)) {TOUCH_ALL} (if (i32.ne (memory.size) (i32.const 32)) (then unreachable)) {{ok}}"
    )
    lifecycle.set_limits(serve({"hog": raw(body)}), {"memory_bytes": 32 * PAGE_BYTES})
    assert ask(client, "hog").status_code == 200


def test_hp_06_memory_that_is_too_large_from_the_beginning_is_refused_and_others_load(client: Client) -> None:
    storage.put_upload("hostile", component({}, head=_instances(f"(memory {PAGES + 1})", 1)))
    storage.put_upload("good", component({}, name="good"))
    sync()
    refused = PluginVersion.objects.get(plugin__name="hostile")
    assert (refused.state, refused.error_code) == ("refused", "limit-exceeded")
    assert f"memory_bytes of {conf.MEMORY_BYTES}" in refused.problem
    lifecycle.enable(Plugin.objects.get(name="good"))
    assert is_well(client, "good")


REFUSED = {
    "20 memories of 32 MiB in one module": (_instances("(memory 512)" * 20, 1), "memories"),
    "20 instances with 32 MiB each": (_instances("(memory 512)", 20), "memory_bytes"),
    "65 instances": (_instances("", 65), "instances"),
    "a table of ten million elements": (_instances("(table 10000000 funcref)", 1), "table_elements"),
    "nine tables": (_instances("(table 1 funcref)" * 9, 1), "tables"),
    "three memories that are too large together": (_instances(f"(memory {PAGES // 2})", 3), "memory_bytes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_hp_07_too_many_of_anything_is_refused_with_the_limits_name(case: str) -> None:
    head, limit = REFUSED[case]
    before = _resident_bytes()
    _forget_most_resident()
    with pytest.raises(LimitExceeded) as caught:
        record_upload(component({}, head=head))
    assert caught.value.limit == limit
    assert limit in str(caught.value)
    assert _most_resident_bytes() - before <= conf.MEMORY_BYTES + SLACK_BYTES


def test_hp_07_all_memories_of_a_call_share_one_limit(client: Client) -> None:
    touch = TOUCH_ALL.replace("local.get 0", "local.get $page").replace("local.set 0", "local.set $page")
    hog = f"(memory 1) (func $hog (local $page i32) {touch}) (start $hog)"
    serve({"hog": raw(f"(local.set 0 (i32.const 0)) {TOUCH_ALL} {{ok}}")}, head=_instances(hog, 3))
    before = _resident_bytes()
    _forget_most_resident()
    assert ask(client, "hog").status_code == 200
    assert _most_resident_bytes() - before <= conf.MEMORY_BYTES + SLACK_BYTES
    assert is_well(client)
