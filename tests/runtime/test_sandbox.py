"""One call: its deadline, its limits, its fresh state, and how each way of failing is called."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from wasm_plugins.exceptions import (
    CallError,
    DeadlineExceeded,
    LimitExceeded,
    LinkError,
    PluginFailed,
    PluginTrapped,
)
from wasm_plugins.runtime import native, sandbox, wit
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.log import CallLog
from wasm_plugins.runtime.state import CallState, open_calls

from . import components as parts
from .components import core_only, linked
from .echo import echo_of

SHORT = Limits(deadline_ms=100)
LATE_S = 1.0
"""How late a deadline may be noticed on a busy machine."""


@pytest.mark.parametrize("wat", [parts.SPIN, parts.SPIN_AT_START], ids=["in the export", "in the start function"])
def test_an_endless_loop_ends_at_the_deadline(wat: str) -> None:
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded) as caught:
        sandbox.call(linked(wat), "run", limits=SHORT)
    assert 0.1 <= time.monotonic() - started < 0.1 + LATE_S
    assert (caught.value.deadline_ms, caught.value.export) == (100, "run")


def test_a_call_inside_a_call_has_no_more_time_than_the_one_around_it() -> None:
    inner = linked(parts.SPIN)
    seen: list[BaseException] = []

    def note(_state: CallState, _number: int) -> None:
        try:
            sandbox.call(inner, "run", limits=Limits(deadline_ms=60_000))
        except DeadlineExceeded as failure:
            seen.append(failure)
            raise

    started = time.monotonic()
    with pytest.raises(DeadlineExceeded) as caught:
        sandbox.call(linked(parts.VOID_CALLER, {"note": note}), "run", [1], limits=SHORT)
    assert time.monotonic() - started < 0.1 + LATE_S
    assert seen == [caught.value]


def test_a_host_function_after_the_deadline_is_refused() -> None:
    seen = []

    def note(_state: CallState, number: int) -> None:
        seen.append(number)
        time.sleep(0.2)

    with pytest.raises(DeadlineExceeded):
        sandbox.call(linked(parts.VOID_CALLER, {"note": note}), "run", [3], limits=SHORT)
    assert seen == [3]


def test_what_remains_of_the_budget_goes_down_to_nothing() -> None:
    seen: list[int] = []

    def note(state: CallState, _number: int) -> None:
        seen.append(state.remaining_ms)
        time.sleep(0.05)

    sandbox.call(linked(parts.VOID_CALLER, {"note": note}), "run", [2], limits=Limits(deadline_ms=5_000))
    assert 5_000 >= seen[0] >= seen[1] + 50 > 0
    state = CallState(export="run", limits=SHORT, deadline_at=time.monotonic() - 1, log=CallLog(10))
    assert state.remaining_ms == 0


LIMITED = {
    "memory_bytes": (parts.BIG_MEMORY, Limits()),
    "memories": (parts.MANY_MEMORIES, Limits()),
    "instances": (parts.MANY_INSTANCES, Limits()),
    "tables": (parts.MANY_TABLES, Limits()),
    "table_elements": (parts.BIG_TABLE, Limits()),
}


@pytest.mark.parametrize("limit", LIMITED)
def test_asking_for_more_than_a_limit_names_the_limit(limit: str) -> None:
    wat, limits = LIMITED[limit]
    with pytest.raises(LimitExceeded) as caught:
        sandbox.call(linked(wat), "run", limits=limits)
    assert (caught.value.limit, caught.value.export) == (limit, "run")


@pytest.mark.parametrize("limit", LIMITED)
def test_a_larger_limit_lets_the_same_component_run(limit: str) -> None:
    wat, _ = LIMITED[limit]
    large = Limits(memory_bytes=2**28, memories=100, instances=100, tables=100, table_elements=10**6)
    sandbox.call(linked(wat), "run", limits=large)


def test_growing_memory_past_the_limit_answers_minus_one() -> None:
    component = linked(parts.GROW)
    limits = Limits(memory_bytes=4 * 65536)
    assert sandbox.call(component, "run", [3], limits=limits) == 1
    assert sandbox.call(component, "run", [4], limits=limits) == -1


def test_moving_too_much_between_plugin_and_host_is_a_limit() -> None:
    send = echo_of(wit.ListOf(wit.U8))
    with pytest.raises(LimitExceeded) as caught:
        send(bytes(5 * 1024 * 1024))
    assert caught.value.limit == "transfer_bytes"


@pytest.mark.parametrize("wat", [parts.UNREACHABLE, parts.RECURSE, parts.DIVIDE, parts.OUT_OF_BOUNDS])
def test_a_crash_is_a_trap_with_a_backtrace(wat: str) -> None:
    with pytest.raises(PluginTrapped) as caught:
        sandbox.call(linked(wat), "run")
    assert caught.value.export == "run"
    assert "wasm backtrace" in caught.value.backtrace
    assert len(caught.value.backtrace) <= 4_000


def test_endless_recursion_is_a_trap_on_a_thread_with_a_small_stack_too() -> None:
    caught: list[CallError] = []

    def work() -> None:
        try:
            sandbox.call(linked(parts.RECURSE), "run")
        except PluginTrapped as failure:
            caught.append(failure)

    before = threading.stack_size(1024 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert len(caught) == 1


def test_a_component_can_be_called_after_it_crashed() -> None:
    component = linked(
        core_only("(param i32) (if (local.get 0) (then unreachable))", params='(param "crash" bool)'),
    )
    for _ in range(3):
        with pytest.raises(PluginTrapped):
            sandbox.call(component, "run", [True])
        assert sandbox.call(component, "run", [False]) is None


def test_every_call_begins_with_fresh_state() -> None:
    component = linked(parts.COUNT)
    assert [sandbox.call(component, "run") for _ in range(3)] == [1, 1, 1]


def _nesting(seen: list[int]) -> Any:
    def note(state: CallState, _number: int) -> None:
        seen.append(open_calls())
        sandbox.call(component, "run", [1], limits=state.limits)

    component = linked(parts.VOID_CALLER, {"note": note})
    return component


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_calls_inside_one_another_end_at_the_depth(depth: int) -> None:
    seen: list[int] = []
    with pytest.raises(LimitExceeded) as caught:
        sandbox.call(_nesting(seen), "run", [1], limits=Limits(depth=depth))
    assert caught.value.limit == "depth"
    assert seen == list(range(1, depth + 1))
    assert open_calls() == 0


def test_an_export_that_is_missing_is_named() -> None:
    with pytest.raises(LinkError) as caught:
        sandbox.call(linked(parts.COUNT), "walk")
    assert caught.value.missing == "walk"


@pytest.mark.parametrize("args", [[], [1, 2]], ids=len)
def test_a_wrong_number_of_arguments_is_a_type_error(args: list[int]) -> None:
    with pytest.raises(TypeError):
        sandbox.call(linked(parts.GROW), "run", args)
    assert open_calls() == 0


def test_an_err_is_the_plugins_refusal() -> None:
    wat = core_only(
        "(param i32) (result i32) (i32.const 1)", params='(param "n" u32)', result="(result (result (error)))"
    ).replace("(result (result (error)))", "(result (result))")
    with pytest.raises(PluginFailed):
        sandbox.call(linked(wat), "run", [1])


def test_the_store_is_deleted_once_whether_the_call_answers_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    deleted: list[object] = []
    closed: list[object] = []
    delete = native.store_delete

    def store_delete(pointer: object) -> None:
        deleted.append(pointer)
        delete(pointer)

    monkeypatch.setattr(native, "store_delete", store_delete)
    monkeypatch.setattr(wasmtime.Store, "_delete", closed.append)
    good, crashing, growing = map(linked, (parts.COUNT, parts.UNREACHABLE, parts.GROW))
    for _ in range(2):
        sandbox.call(good, "run")
        with pytest.raises(PluginTrapped):
            sandbox.call(crashing, "run")
        with pytest.raises(TypeError):
            sandbox.call(growing, "run", ["wrong"])
    gc.collect()
    assert len(deleted) == 3 + 6  # the first call of each counts its memories
    assert closed == []


def test_calls_leave_no_open_files_and_threads_behind() -> None:
    component = linked(parts.UNREACHABLE)

    def kept() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    def crash() -> None:
        with pytest.raises(PluginTrapped):
            sandbox.call(component, "run")

    crash()
    before = kept()
    for _ in range(50):
        crash()
    assert kept() == before


def test_the_log_is_flushed_when_the_call_ends_badly() -> None:
    log = CallLog(1_000)

    def note(state: CallState, _number: int) -> None:
        state.log.write_bytes("error", b"half a line")
        raise ValueError

    with pytest.raises(ValueError):
        sandbox.call(linked(parts.VOID_CALLER, {"note": note}), "run", [1], log=log)
    assert [line.text for line in log.lines] == ["half a line"]
