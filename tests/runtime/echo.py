"""Makes, for any WIT type, a component that passes a value of it to the host and gives back what the host answers.

So one call sends a value four ways: lowered as argument, lifted by the host function, lowered as its answer, lifted as
the export's. The flattening is that of the component model's canonical ABI.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import zip_longest
from typing import Any

from wasm_plugins.exceptions import PluginFailed
from wasm_plugins.runtime import sandbox, wit
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.linker import LinkedComponent
from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.values import Err, Ok

from .components import ALLOCATOR, HOST, LIFTED, compiled, host

MOST_FLAT_PARAMS = 16
ANSWER_AT = 1024
"""Where the core module lets an answer be written that does not fit one core value."""

PATIENT = Limits(deadline_ms=60_000, argument_bytes=2**30, result_bytes=2**30, moved_bytes=2**30)
"""Limits that leave it to wasmtime how much may cross."""

_CORE = {"s64": "i64", "u64": "i64", "f32": "f32", "f64": "f64"}


class Names:
    """Spells types in WebAssembly text and gives a name to each record, variant, enum and flags, as the text must."""

    def __init__(self) -> None:
        self.definitions: list[str] = []

    def spell(self, of: wit.WitType) -> str:
        """Return how to refer to a type."""
        match of:
            case wit.ListOf(inner):
                return f"(list {self.spell(inner)})"
            case wit.OptionOf(inner):
                return f"(option {self.spell(inner)})"
            case wit.TupleOf(types):
                return f"(tuple {' '.join(map(self.spell, types))})"
            case wit.ResultOf(ok, err):
                return f"(result {self.spell(ok) if ok else ''} {f'(error {self.spell(err)})' if err else ''})"
            case wit.RecordOf(fields):
                return self._define("record", (f'(field "{name}" {self.spell(field)})' for name, field in fields))
            case wit.VariantOf(cases):
                shown = (f'(case "{name}" {self.spell(payload) if payload else ""})' for name, payload in cases)
                return self._define("variant", shown)
            case wit.EnumOf(names):
                return self._define("enum", (f'"{name}"' for name in names))
            case wit.FlagsOf(names):
                return self._define("flags", (f'"{name}"' for name in names))
        return str(of)

    def _define(self, kind: str, members: Any) -> str:
        body = " ".join(members)
        name = f"named-{len(self.definitions)}"
        self.definitions.append(f'(type $raw-{name} ({kind} {body})) (export "{name}" (type ${name} (eq $raw-{name})))')
        return f"${name}"

    def aliases(self) -> str:
        """Return the lines that bring the imported instance's types into the component."""
        count = range(len(self.definitions))
        return "\n".join(f'(alias export $host "named-{at}" (type $named-{at}))' for at in count)


def flat(of: wit.WitType | None) -> list[str]:
    """Return the core types that a type becomes in a core function's signature."""
    match of:
        case None:
            return []
        case wit.ListOf() | wit.Primitive("string"):
            return ["i32", "i32"]
        case wit.OptionOf(some):
            return ["i32", *flat(some)]
        case wit.ResultOf(ok, err):
            return ["i32", *_joined([flat(ok), flat(err)])]
        case wit.VariantOf(cases):
            return ["i32", *_joined([flat(payload) for _, payload in cases])]
        case wit.TupleOf(types):
            return [core for each in types for core in flat(each)]
        case wit.RecordOf(fields):
            return [core for _, each in fields for core in flat(each)]
        case wit.Primitive(name):
            return [_CORE.get(name, "i32")]
    return ["i32"]


def _joined(cases: list[list[str]]) -> list[str]:
    return [_join({core for core in column if core}) for column in zip_longest(*cases)]


def _join(cores: set[str]) -> str:
    if len(cores) == 1:
        return cores.pop()
    return "i32" if cores == {"i32", "f32"} else "i64"


def echo_wat(of: wit.WitType) -> str:
    """Return a component that exports ``echo(value)``, which answers what the imported ``echo`` answers."""
    names = Names()
    signature = f'(param "value" {(spelt := names.spell(of))}) (result {spelt})'
    params = flat(of) if len(flat(of)) <= MOST_FLAT_PARAMS else ["i32"]
    answer_by_pointer = len(flat(of)) > 1
    host_params = [*params, "i32"] if answer_by_pointer else params
    result = "i32" if answer_by_pointer else flat(of)[0]
    forwarded = " ".join(f"(local.get {at})" for at in range(len(params)))
    if answer_by_pointer:
        body = f"(call $echo {forwarded} (i32.const {ANSWER_AT})) (i32.const {ANSWER_AT})"
    else:
        body = f"(call $echo {forwarded})"
    host_result = "" if answer_by_pointer else f"(result {result})"
    return f"""(component
      (type $offered (instance {" ".join(names.definitions)} (export "echo" (func {signature}))))
      (import "{HOST}" (instance $host (type $offered)))
      {names.aliases()}
      {ALLOCATOR}
      (core func $echo (canon lower (func $host "echo") {LIFTED}))
      (core module $m
        (import "host" "echo" (func $echo (param {" ".join(host_params)}) {host_result}))
        (func (export "echo") (param {" ".join(params)}) (result {result}) {body}))
      (core instance $i (instantiate $m (with "host" (instance (export "echo" (func $echo))))))
      (func (export "echo") {signature} (canon lift (core func $i "echo") {LIFTED})))"""


@cache
def echo_of(of: wit.WitType) -> Callable[..., tuple[Any, Any]]:
    """Return a function that sends a value through a component: it gives what the host saw and what came back.

    With ``answer`` the host answers that instead of what it saw.
    """
    sent_back: dict[str, Any] = {}

    def answer_it(state: CallState, value: Any) -> Any:
        sent_back["seen"] = value
        return sent_back["answer"](value)

    function = wit.Func((("value", of),), of)
    linked = LinkedComponent(compiled(echo_wat(of)), host({"echo": answer_it}, {"echo": function}))

    def send(value: Any, answer: Callable[[Any], Any] = lambda value: value) -> tuple[Any, Any]:
        sent_back["answer"] = answer
        try:
            back = sandbox.call(linked, "echo", [value], limits=PATIENT)
        except PluginFailed as failed:
            return sent_back["seen"], Err(failed.detail)
        return sent_back["seen"], Ok(back) if isinstance(of, wit.ResultOf) else back

    return send
