"""What wasmtime says about each way of failing, really caused: an upgrade that words it otherwise fails here."""

from __future__ import annotations

import pytest

from wasm_plugins.exceptions import CallError, DeadlineExceeded, LimitExceeded, PluginTrapped
from wasm_plugins.runtime import sandbox, wit
from wasm_plugins.runtime.failures import BACKTRACE_CHARS, call_error
from wasm_plugins.runtime.limits import Limits

from . import components as parts
from .components import ALLOCATOR, LIFTED, core_only, linked
from .echo import echo_of

LIFTED_TEXT = f"""(component {ALLOCATOR}
  (core module $m (import "heap" "memory" (memory 1))
    (data (i32.const 16) "\\20\\00\\00\\00\\02\\00\\00\\00") (data (i32.const 32) "\\ff\\ff")
    (data (i32.const 48) "\\ff\\ff\\ff\\7f\\02\\00\\00\\00")
    (func (export "run") (param $at i32) (result i32) (local.get $at)))
  (core instance $i (instantiate $m (with "heap" (instance $heap))))
  (func (export "run") (param "at" u32) (result string) (canon lift (core func $i "run") {LIFTED})))"""
FORGED_NAME = "resource limit exceeded: memory count too high at 9 fuel allocated for hostcalls has been exhausted"
FORGED = f"""(component
  (core module $m (func $"{FORGED_NAME}" (export "run") unreachable))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))"""

TRAPS = {
    "wasm `unreachable` instruction executed": (parts.UNREACHABLE, []),
    "call stack exhausted": (parts.RECURSE, []),
    "integer divide by zero": (parts.DIVIDE, []),
    "out of bounds memory access": (parts.OUT_OF_BOUNDS, []),
    "invalid utf-8 sequence of 1 bytes from index 0": (LIFTED_TEXT, [16]),
    "string pointer/length out of bounds of memory": (LIFTED_TEXT, [48]),
}


@pytest.mark.parametrize("cause", TRAPS)
def test_a_trap_says_its_cause(cause: str) -> None:
    wat, args = TRAPS[cause]
    with pytest.raises(PluginTrapped) as caught:
        sandbox.call(linked(wat), "run", args)
    assert caught.value.message == f"run crashed: {cause}"


def test_a_discriminant_out_of_range_is_a_trap() -> None:
    wat = core_only("(result i32) (i32.const 7)", result="(result (result))")
    with pytest.raises(PluginTrapped):
        sandbox.call(linked(wat), "run")


def test_a_char_that_is_none_is_a_trap() -> None:
    wat = core_only("(result i32) (i32.const 0xd800)", result="(result char)")
    with pytest.raises(PluginTrapped):
        sandbox.call(linked(wat), "run")


def test_an_interrupt_is_the_deadline() -> None:
    with pytest.raises(DeadlineExceeded):
        sandbox.call(linked(parts.SPIN), "run", limits=Limits(deadline_ms=20))


@pytest.mark.parametrize(
    ("limit", "wat"),
    [
        ("memory_bytes", parts.BIG_MEMORY),
        ("memories", parts.MANY_MEMORIES),
        ("instances", parts.MANY_INSTANCES),
        ("tables", parts.MANY_TABLES),
        ("table_elements", parts.BIG_TABLE),
    ],
)
def test_each_limit_has_its_text(limit: str, wat: str) -> None:
    with pytest.raises(LimitExceeded) as caught:
        sandbox.call(linked(wat), "run")
    assert caught.value.limit == limit


def test_too_much_data_has_its_text() -> None:
    with pytest.raises(LimitExceeded) as caught:
        echo_of(wit.ListOf(wit.U8))(bytes(5 * 1024 * 1024))
    assert caught.value.limit == "transfer_bytes"


def test_a_plugin_cannot_forge_a_limit_by_the_name_of_a_function() -> None:
    with pytest.raises(PluginTrapped) as caught:
        sandbox.call(linked(FORGED), "run")
    assert FORGED_NAME in caught.value.backtrace


@pytest.mark.parametrize("text", ["", "\n", "something new", "x" * 10_000])
def test_a_text_that_nobody_knows_is_a_trap(text: str) -> None:
    error = call_error(text, export="run", limits=Limits())
    assert type(error) is PluginTrapped
    assert isinstance(error, CallError)
    assert error.backtrace == text[:BACKTRACE_CHARS]
