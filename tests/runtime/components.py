"""Small components as WebAssembly text, by name, and the short way from text to something that can be called."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import wasmtime
from wasmtime import component as wc

from wasm_plugins.runtime.component import Component
from wasm_plugins.runtime.engine import get_runtime
from wasm_plugins.runtime.guard import HostCallable
from wasm_plugins.runtime.linker import HostFunction, HostInterface, Interfaces, LinkedComponent
from wasm_plugins.runtime.wit import Func

HOST = "test:parts/host"
"""The one interface that these components import from."""

FORKS_ON_PURPOSE = "ignore:This process:DeprecationWarning"
"""Warning filter for programs that fork beside threads, as RQ's workers do; Python 3.12 and later warn of it."""

ALLOCATOR = """
  (core module $allocator
    (memory (export "memory") 3)
    (global $next (mut i32) (i32.const 131072))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32) (local $end i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (local.set $end (i32.add (local.get $at) (local.get 3)))
      (if (i32.gt_u (local.get $end) (i32.shl (memory.size) (i32.const 16)))
        (then (if (i32.eq (i32.const -1) (memory.grow (i32.add (i32.const 1)
            (i32.shr_u (i32.sub (local.get $end) (i32.shl (memory.size) (i32.const 16))) (i32.const 16)))))
          (then unreachable))))
      (global.set $next (local.get $end))
      (local.get $at)))
  (core instance $heap (instantiate $allocator))
"""
"""A core instance ``$heap`` whose allocator only goes up: enough for one call. Below 131072 memory is free to use."""

LIFTED = '(memory (core memory $heap "memory")) (realloc (core func $heap "realloc"))'
"""Options of ``canon lift`` and ``canon lower`` for a component with ``ALLOCATOR``."""


def core_only(body: str, *, export: str = "run", result: str = "", params: str = "", more: str = "") -> str:
    """Return a component whose one export is a core function that takes and gives numbers only."""
    return f"""(component
      (core module $m {more} (func (export "run") {body}))
      (core instance $i (instantiate $m))
      (func (export "{export}") {params} {result} (canon lift (core func $i "run"))))"""


SPIN = core_only("(loop $again (br $again))")
UNREACHABLE = core_only("unreachable")
RECURSE = core_only("(call $deeper)", more="(func $deeper (call $deeper))")
DIVIDE = core_only("(drop (i32.div_u (i32.const 1) (i32.const 0)))")
OUT_OF_BOUNDS = core_only("(drop (i32.load (i32.const 65536)))", more="(memory 1)")
GROW = core_only(
    "(param i32) (result i32) (memory.grow (local.get 0))",
    more="(memory 1)",
    params='(param "pages" u32)',
    result="(result s32)",
)
COUNT = core_only(
    "(result i32) (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count)",
    more="(global $count (mut i32) (i32.const 0))",
    result="(result u32)",
)
SPIN_AT_START = """(component
  (core module $m (func $spin (loop $again (br $again))) (start $spin) (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))"""
BIG_MEMORY = core_only("", more="(memory 2000)")
MANY_MEMORIES = (
    "(component (core module $m (memory 1))"
    + "(core instance (instantiate $m))" * 5
    + '(core module $r (func (export "run"))) (core instance $i (instantiate $r))'
    + '(func (export "run") (canon lift (core func $i "run"))))'
)
MANY_INSTANCES = MANY_MEMORIES.replace("(memory 1)", "").replace(
    "(core instance (instantiate $m))" * 5, "(core instance (instantiate $m))" * 70
)
MANY_TABLES = MANY_MEMORIES.replace("(memory 1)", "(table 1 funcref) (table 1 funcref)")
BIG_TABLE = core_only("", more="(table 20001 funcref)")

VOID_CALLER = f"""(component
  (import "{HOST}" (instance $host (export "note" (func (param "number" u32)))))
  (core func $note (canon lower (func $host "note")))
  (core module $m (import "host" "note" (func $note (param i32)))
    (func (export "run") (param $times i32)
      (loop $again
        (if (local.get $times) (then
          (call $note (local.get $times))
          (local.set $times (i32.sub (local.get $times) (i32.const 1)))
          (br $again))))))
  (core instance $i (instantiate $m (with "host" (instance (export "note" (func $note))))))
  (func (export "run") (param "times" u32) (canon lift (core func $i "run"))))"""
"""``run(times)`` calls the host's ``note`` with times, times - 1 and so on to 1."""

MANIFEST_SHAPE = """
    (type $route (record (field "path" string) (field "handler" string) (field "process-as-task" bool)))
    (export "plugin-route" (type $plugin-route (eq $route)))
    (type $manifest (record (field "plugin-name" string) (field "hooks" (list string))
      (field "routes" (list $plugin-route)) (field "tasks" (list string))))
    (export "manifest" (type $plugin-manifest (eq $manifest)))
"""


@cache
def compiled(wat: str) -> Component:
    """Compile WebAssembly text in this process; the same text once."""
    return Component(wc.Component(get_runtime().engine, wat))


def binary(wat: str) -> bytes:
    """Return the bytes of a component written as text."""
    return bytes(wasmtime.wat2wasm(wat))


def linked(wat: str, functions: Mapping[str, HostCallable] | None = None) -> LinkedComponent:
    """Link a component with host functions whose types are whatever the component says."""
    return LinkedComponent(compiled(wat), host(functions or {}))


def host(functions: Mapping[str, HostCallable], types: Mapping[str, Func] | None = None) -> Interfaces:
    """Offer host functions as the interface that these components import from."""
    offered = {name: HostFunction(call, (types or {}).get(name)) for name, call in functions.items()}
    return {HOST: HostInterface(HOST, offered)}
