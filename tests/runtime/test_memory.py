"""Calls leave no memory behind, whatever crosses and wherever they fail."""

from __future__ import annotations

import gc
import resource
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from wasm_plugins.exceptions import PluginTrapped
from wasm_plugins.runtime import sandbox, wit
from wasm_plugins.runtime.guard import HostFunctionFailed
from wasm_plugins.runtime.values import Err, Ok, Some, ValueMismatch, Variant

from .components import ALLOCATOR, LIFTED, UNREACHABLE, core_only, linked
from .echo import Names, echo_of, flat

CALLS = 3_000
SLACK_BYTES = 512 * 1024
"""Each call sends every part five times there and five times back: 48 bytes lost with each would be 720 kB."""

EVERYTHING = wit.RecordOf(
    (
        ("text", wit.STRING),
        ("bytes", wit.ListOf(wit.U8)),
        ("texts", wit.ListOf(wit.STRING)),
        ("pair", wit.TupleOf((wit.U64, wit.STRING))),
        ("perhaps", wit.OptionOf(wit.STRING)),
        ("nested", wit.OptionOf(wit.OptionOf(wit.U8))),
        ("same", wit.ResultOf(wit.STRING, wit.STRING)),
        ("plain", wit.ResultOf()),
        ("shape", wit.VariantOf((("none", None), ("name", wit.STRING)))),
        ("side", wit.EnumOf(("left", "right"))),
        ("flags", wit.FlagsOf(("read", "write"))),
    )
)
MANY = wit.ListOf(EVERYTHING)
THING: dict[str, Any] = {
    "text": "some text",
    "bytes": b"some bytes",
    "texts": ["a", "b"],
    "pair": (1, "c"),
    "perhaps": "d",
    "nested": Some(1),
    "same": Err("e"),
    "plain": Ok(),
    "shape": Variant("name", "f"),
    "side": "right",
    "flags": frozenset({"read", "write"}),
}
GOOD = [THING] * 5
BROKEN = [*[THING] * 4, {**THING, "flags": {"execute"}}]
"""Fails at the last part of the last thing: all before it is in wasmtime's memory by then."""


class Refused(Exception):
    """What a host function raises here."""


def _refuse(_value: object) -> None:
    raise Refused


def _resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _growth(act: Callable[[], object]) -> int:
    for _ in range(CALLS // 4):
        act()
    before = _resident_bytes()
    for _ in range(CALLS):
        act()
    return _resident_bytes() - before


def _trapping() -> Callable[[], object]:
    """Return a call that takes everything as an argument and then crashes."""
    names = Names()
    spelt = names.spell(EVERYTHING)
    assert len(flat(EVERYTHING)) > 16
    types = "\n".join(names.definitions)
    component = linked(f"""(component
      (import "test:parts/types" (instance $host {types}))
      {names.aliases()}
      {ALLOCATOR}
      (core module $m (func (export "run") (param i32) unreachable))
      (core instance $i (instantiate $m))
      (func (export "run") (param "value" {spelt}) (canon lift (core func $i "run") {LIFTED})))""")

    def act() -> None:
        with suppress(PluginTrapped):
            sandbox.call(component, "run", [THING])

    return act


def _failing(error: type[BaseException], value: Any, answer: Callable[[Any], Any]) -> Callable[[], object]:
    send = echo_of(MANY)

    def act() -> None:
        with suppress(error):
            send(value, answer)

    return act


ACTS: dict[str, Callable[[], Callable[[], object]]] = {
    "values of every type": lambda: lambda: echo_of(MANY)(GOOD),
    "arguments that fail half way": lambda: _failing(ValueMismatch, BROKEN, lambda value: value),
    "answers of the host that fail half way": lambda: _failing(HostFunctionFailed, GOOD, lambda _: BROKEN),
    "host functions that raise": lambda: _failing(Refused, GOOD, _refuse),
    "plugins that crash with what they were given": _trapping,
}


@pytest.mark.slow
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_calls_leave_no_memory_behind(act: Callable[[], Callable[[], object]]) -> None:
    assert _growth(act()) < SLACK_BYTES


@pytest.mark.slow
def test_fifty_thousand_small_calls_leave_no_memory_behind() -> None:
    component = linked(core_only("(result i32) (i32.const 1)", result="(result (result))"))
    trapping = linked(UNREACHABLE)

    def act() -> None:
        for _ in range(16):
            with suppress(Exception):
                sandbox.call(component, "run")
        with suppress(PluginTrapped):
            sandbox.call(trapping, "run")

    assert _growth(act) < SLACK_BYTES
