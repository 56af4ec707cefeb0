"""Many calls, and calls that are at their limit all at once: memory stays where it was, or within what was allowed."""

from __future__ import annotations

import gc
import resource
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from wasmtime import _func, _value
from wasmtime.component import _linker

from tests.components import echo, json_handler, plugin_component, trap
from tests.hostile.plugins.hostile import PAGE_BYTES, raw
from tests.hostile.soak import FACTOR
from wasm_plugins import components
from wasm_plugins.exceptions import CallError
from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.stand_in import Callee
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db

MIB = 1024 * 1024
CALLS = 10_000 * FACTOR
THREADS = 8
SLACK_BYTES = 10 * MIB
PATIENT = Limits(deadline_ms=60_000)
HOG_BYTES = 16 * MIB
HOG = f"""(local.set 0 (i32.const 0))
  (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
  (loop $touch
    (i32.store8 (i32.mul (local.get 0) (i32.const {PAGE_BYTES})) (i32.const 1))
    (local.set 0 (i32.add (local.get 0) (i32.const 1)))
    (br_if $touch (i32.lt_u (local.get 0) (memory.size))))
  {{ok}}"""


def _loaded() -> Callee:
    tasks = {"well": json_handler(echo()), "bad": json_handler(trap()), "hog": json_handler(raw(HOG))}
    return components.get_linked(record_upload(plugin_component("loaded", tasks=tasks)).digest)


def _resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _most_resident_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024


def _kept() -> tuple[int, int]:
    """Return how many things the binding keeps, and how many files are open."""
    slabs = (_func.FUNCTIONS, _linker.FUNCTIONS, _value.SLAB)
    kept = sum(len(each) for slab in slabs for each in vars(slab).values() if isinstance(each, (dict, list)))
    return kept, len(list(Path("/proc/self/fd").iterdir()))


def _on_threads(act: Callable[[], None], threads: int) -> None:
    running = [threading.Thread(target=act) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


@pytest.mark.parametrize("threads", [1, THREADS])
def test_ls_01_calls_with_fresh_stores_leave_nothing_behind(threads: int) -> None:
    loaded = _loaded()

    def calls(count: int) -> Callable[[], None]:
        def act() -> None:
            for number in range(count):
                with suppress(CallError):
                    sandbox.call(loaded, "bad" if number % 10 == 0 else "well", ["{}"], limits=PATIENT)

        return act

    _on_threads(calls(CALLS // 10), threads)
    before, kept = _resident_bytes(), _kept()
    _on_threads(calls(CALLS // threads), threads)
    assert _resident_bytes() - before < SLACK_BYTES
    assert _kept() == kept


def test_ls_02_threads_at_their_memory_limit_take_no_more_than_all_limits_together() -> None:
    loaded = _loaded()
    limits = Limits(deadline_ms=60_000, memory_bytes=HOG_BYTES)
    barrier = threading.Barrier(THREADS)

    def hog() -> None:
        barrier.wait()
        for _ in range(3 * FACTOR):
            assert sandbox.call(loaded, "hog", ["{}"], limits=limits) == "{}"
            answered.append(1)

    answered: list[int] = []
    before = _resident_bytes()
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak of the resident set
    _on_threads(hog, THREADS)
    assert len(answered) == THREADS * 3 * FACTOR
    assert _most_resident_bytes() - before <= THREADS * HOG_BYTES + SLACK_BYTES
    assert _resident_bytes() - before <= SLACK_BYTES
