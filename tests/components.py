"""Small real plugins for tests, each function of which does what its name says: ``ok``, ``err``, ``trap``, ``sql`` …

>>> plugin_component("greeter", hooks={"order-placed": text_hook(ok("hello"))})
>>> plugin_component("pages", routes=[route("/pages/echo", json_handler(echo()))])
>>> plugin_component("writer", tasks={"write": json_handler(ok("{}", first=[sql("INSERT INTO …")]))})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.host_imports import (
    AFTER,
    ATTEMPT,
    BLOCK,
    IDEMPOTENCY_KEY,
    INTERFACE_ALIASES,
    INTERFACE_TYPES,
    Step,
    attempt,
    authorize,
    begin,
    commit,
    idempotency_key,
    log,
    progress,
    rollback,
    sql,
)
from tests.wat import CoreFunction, Draft, HostImport, Memory, assemble
from wasm_plugins.runtime.sections import append_section

__all__ = [
    "Function",
    "Route",
    "answer_key",
    "answer_param_plus",
    "attempt",
    "authorize",
    "begin",
    "by_attempt",
    "commit",
    "echo",
    "err",
    "flood",
    "function",
    "grow",
    "http_handler",
    "idempotency_key",
    "json_handler",
    "log",
    "memory_dump",
    "number_hook",
    "ok",
    "ok_nothing",
    "ok_number",
    "ok_response",
    "plugin_component",
    "progress",
    "rollback",
    "route",
    "silent_handler",
    "sleep",
    "spin",
    "sql",
    "text_hook",
    "trap",
]

Body = Callable[[Memory, "Shape"], tuple[str, tuple[Step | HostImport, ...]]]
"""Writes a core function's instructions, given the memory to put constants in and what it has to answer."""


@dataclass(frozen=True)
class Shape:
    """The part of a function's type that its body depends on."""

    component_type: str
    core_params: str
    payload_at: int
    """Offset of the payload in the answer's memory, 4 or 8 as the payload's alignment wants."""


@dataclass(frozen=True)
class Function:
    """An exported function."""

    shape: Shape
    body: Body


@dataclass(frozen=True)
class Route:
    """A route with its handler."""

    path: str
    handler: str
    function: Function
    process_as_task: bool = False


_TEXT = "(result (result string (error string)))"
_HOOK_PARAMS = '(param "order-id" s64) (param "note" string)'
_JSON_SHAPE = Shape(f'(param "input" string) {_TEXT}', "(param i32 i32)", 4)


def text_hook(body: Body) -> Function:
    """``func(s64, string) -> result<string, string>``, as the shop's ``order-placed``."""
    return Function(Shape(f"{_HOOK_PARAMS} {_TEXT}", "(param i64 i32 i32)", 4), body)


def number_hook(body: Body) -> Function:
    """``func(s64, string) -> result<s64, string>``, as the shop's ``order-price``."""
    result = "(result (result s64 (error string)))"
    return Function(Shape(f"{_HOOK_PARAMS} {result}", "(param i64 i32 i32)", 8), body)


def json_handler(body: Body) -> Function:
    """``func(string) -> result<string, string>``: a task, or a route handler of the seed's type."""
    return Function(_JSON_SHAPE, body)


def silent_handler(body: Body) -> Function:
    """``func(string) -> result<_, string>``."""
    return Function(Shape('(param "input" string) (result (result (error string)))', "(param i32 i32)", 4), body)


def http_handler(body: Body) -> Function:
    """``func(request) -> result<response, string>``; ``ok_response`` is its body."""
    component_type = '(param "request" $request) (result (result $response (error string)))'
    return Function(Shape(component_type, "(param" + " i32" * 13 + ")", 4), body)


def function(component_type: str, core_params: str, body: Body, *, payload_at: int = 4) -> Function:
    """Any other type that answers a ``result``, for example to be refused."""
    return Function(Shape(component_type, core_params, payload_at), body)


def route(path: str, handler: Function, *, name: str | None = None, process_as_task: bool = False) -> Route:
    """A route; its handler is named like the path's last part, unless told otherwise."""
    return Route(path, name or path.strip("/").rpartition("/")[2], handler, process_as_task)


def ok(text: str, *, first: Sequence[Step] = ()) -> Body:
    """Take some steps, then answer ok with a text; a step's ``err`` is the function's."""
    return lambda memory, shape: (_steps(memory, first, memory.words(0, *memory.text(text))), tuple(first))


def ok_nothing(*, first: Sequence[Step] = ()) -> Body:
    """Take some steps, then answer ok without a payload."""
    return lambda memory, shape: (_steps(memory, first, memory.words(0, 0, 0)), tuple(first))


def ok_number(number: int) -> Body:
    """Answer ok with an ``s64``."""
    return lambda memory, shape: (
        f"i32.const {memory.put(bytes(8) + number.to_bytes(8, 'little', signed=True))}",
        (),
    )


def ok_response(status: int, content: str | bytes, headers: Sequence[tuple[str, str]] = ()) -> Body:
    """Answer ok with a ``response`` record whose body is text, or bytes."""

    def body(memory: Memory, shape: Shape) -> tuple[str, tuple[Step, ...]]:
        pairs = [part for pair in headers for word in pair for part in memory.text(word)]
        is_text = isinstance(content, str)
        data = content.encode() if isinstance(content, str) else content
        record = (status, memory.words(*pairs), len(headers), 1 if is_text else 2, memory.put(data), len(data))
        return f"i32.const {memory.words(0, *record)}", ()

    return body


def memory_dump() -> Body:
    """Answer ok with a ``response`` whose body is all that the plugin has in its memory: whatever the host told it."""

    def body(memory: Memory, shape: Shape) -> tuple[str, tuple[Step, ...]]:
        answer = memory.words(0, 200, 0, 0, 2, 0, 0)
        size = "(i32.mul (memory.size) (i32.const 65536))"
        return f"(i32.store (i32.const {answer + 24}) {size})\n(i32.const {answer})", ()

    return body


def err(text: str, *, first: Sequence[Step] = ()) -> Body:
    """Take some steps, then answer ``err``."""

    def body(memory: Memory, shape: Shape) -> tuple[str, tuple[Step, ...]]:
        answer = memory.words(*([1, 0] if shape.payload_at == 8 else [1]), *memory.text(text))
        return _steps(memory, first, answer), tuple(first)

    return body


def echo() -> Body:
    """Answer ok with the last two parameters, which are the last text that was given."""

    def body(memory: Memory, shape: Shape) -> tuple[str, tuple[Step, ...]]:
        answer = memory.words(0, 0, 0)
        count = shape.core_params.count("32") + shape.core_params.count("64")
        return (
            f"(i32.store (i32.const {answer + 4}) (local.get {count - 2}))\n"
            f"(i32.store (i32.const {answer + 8}) (local.get {count - 1}))\n"
            f"(i32.const {answer})"
        ), ()

    return body


def answer_param_plus(number: int) -> Body:
    """Answer ok with the first parameter, an ``s64``, plus a number."""

    def body(memory: Memory, shape: Shape) -> tuple[str, tuple[Step, ...]]:
        answer = memory.put(bytes(16))
        total = f"(i64.add (local.get 0) (i64.const {number}))"
        return f"(i64.store (i32.const {answer + 8}) {total})\n(i32.const {answer})", ()

    return body


def trap(*, first: Sequence[Step] = ()) -> Body:
    """Take some steps, then crash."""
    return lambda memory, shape: (_steps(memory, first, 0) + "\nunreachable", tuple(first))


def spin(*, first: Sequence[Step] = ()) -> Body:
    """Take some steps, then run for ever."""
    return lambda memory, shape: (
        _steps(memory, first, 0) + "\ndrop (loop $for-ever (br $for-ever)) unreachable",
        tuple(first),
    )


def answer_key(*, spins: bool = False) -> Body:
    """Show the run's idempotency key as progress; then answer with it, or run for ever."""
    report = progress(1, "").imported

    def body(memory: Memory, shape: Shape) -> tuple[str, tuple[Step, ...]]:
        key, done = memory.put(bytes(16)), memory.put(bytes(16))
        text = f"(i32.load (i32.const {key + 4})) (i32.load (i32.const {key + 8}))"
        shown = (
            f"(call {IDEMPOTENCY_KEY.symbol} (i32.const {key}))\n"
            f"(call {report.symbol} (i32.const 1) {text} (i32.const {done}))\n"
        )
        ending = "(loop $for-ever (br $for-ever)) unreachable" if spins else f"(i32.const {key})"
        return shown + ending, (Step(IDEMPOTENCY_KEY), Step(report))

    return body


def by_attempt(first: Body, later: Body) -> Body:
    """Do one thing in the first attempt of a run and another in those after it."""

    def body(memory: Memory, shape: Shape) -> tuple[str, tuple[Step | HostImport, ...]]:
        found = memory.put(bytes(16))
        begun, first_steps = first(memory, shape)
        then, later_steps = later(memory, shape)
        is_first = f"(i32.eq (i32.load (i32.const {found + 4})) (i32.const 1))"
        code = f"(call {ATTEMPT.symbol} (i32.const {found}))\n(if {is_first} (then {begun} return))\n{then}"
        return code, (Step(ATTEMPT), *first_steps, *later_steps)

    return body


def sleep(seconds: int) -> Body:
    """Sleep, then crash."""
    nap = f"(call {BLOCK.symbol} (call {AFTER.symbol} (i64.const {seconds * 10**9}))) unreachable"
    return lambda memory, shape: (nap, (BLOCK, AFTER))


def flood(text: str) -> Body:
    """Write to the log for ever."""

    def body(memory: Memory, shape: Shape) -> tuple[str, tuple[Step, ...]]:
        step = log(text)
        return f"(loop $again {step.as_wat(memory)} (br $again)) unreachable", (step,)

    return body


def grow() -> Body:
    """Take memory until there is none, then crash."""
    return lambda memory, shape: (
        "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable",
        (),
    )


def _steps(memory: Memory, steps: Sequence[Step], answer: int) -> str:
    """Write the steps; one that answers ``err`` ends the function with the host's message."""
    return "\n".join([*(step.as_wat(memory) for step in steps), f"i32.const {answer}"])


def plugin_component(
    name: str = "greeter",
    *,
    hooks: Mapping[str, Function] | None = None,
    routes: Sequence[Route] = (),
    tasks: Mapping[str, Function] | None = None,
    exports: Mapping[str, Function] | None = None,
    without: Sequence[str] = (),
    toml: str | None = None,
    salt: str = "",
    manifest_body: str | None = None,
    manifest_interface: str | None = "plugins-manager:common/plugin-common",
    head: str = "",
) -> bytes:
    """Return the bytes of a plugin.

    Args:
        name: What the manifest says it is called.
        hooks: Hooks by name, declared and exported.
        routes: Routes, declared, with their handlers exported.
        tasks: Tasks by name, declared and exported.
        exports: Functions that are exported and not declared.
        without: Names that are declared and not exported.
        toml: Text of its ``plugin.toml``.
        salt: Any text, to get another component that does the same.
        manifest_body: Instructions of ``get-manifest``, instead of answering the manifest.
        manifest_interface: Where ``get-manifest`` is exported; ``None`` leaves it out.
        head: More WAT at the beginning, for example an import that no host has.
    """
    draft = Draft(head=head, types=_HTTP_TYPES, aliases=INTERFACE_ALIASES)
    functions = {
        **(hooks or {}),
        **{each.handler: each.function for each in routes},
        **(tasks or {}),
        **(exports or {}),
    }
    for function_name, each in functions.items():
        if function_name not in without:
            draft.functions.append(_core_function(draft.memory, function_name, each))
    exported = [each.name for each in draft.functions]
    answer = _manifest(draft.memory, name, list(hooks or {}), routes, list(tasks or {}))
    _export_manifest(draft, manifest_body or f"i32.const {answer}", manifest_interface)
    data = assemble(draft, interface_types=INTERFACE_TYPES, exported=exported)
    data = append_section(data, "salt", salt.encode()) if salt else data
    return data if toml is None else append_section(data, "plugin.toml", toml.encode())


def _core_function(memory: Memory, name: str, each: Function) -> CoreFunction:
    body, steps = each.body(memory, each.shape)
    core_type = f"{each.shape.core_params} (result i32)"
    if not steps:
        return CoreFunction(name, each.shape.component_type, core_type, body)
    wide = each.shape.payload_at == 8
    return CoreFunction(
        name,
        each.shape.component_type,
        core_type,
        body.replace("$payload-at", str(8 if wide else 4)),
        imports=tuple(step if isinstance(step, HostImport) else step.imported for step in steps),
        locals="(local $failed i32)",
    )


def _manifest(memory: Memory, name: str, hooks: list[str], routes: Sequence[Route], tasks: list[str]) -> int:
    """Place the record ``manifest`` of ``plugins-manager:common/types`` and return its address."""

    def texts(values: Sequence[str]) -> tuple[int, int]:
        return memory.words(*(word for value in values for word in memory.text(value))), len(values)

    rows = [
        word
        for each in routes
        for word in (*memory.text(each.path), *memory.text(each.handler), int(each.process_as_task))
    ]
    return memory.words(*memory.text(name), *texts(hooks), memory.words(*rows), len(routes), *texts(tasks))


_MANIFEST_TYPES = """
  (type $route (record (field "path" string) (field "handler" string) (field "process-as-task" bool)))
  (export $plugin-route "plugin-route" (type $route))
  (type $declared (record (field "plugin-name" string) (field "hooks" (list string))
    (field "routes" (list $plugin-route)) (field "tasks" (list string))))
  (export $manifest "manifest" (type $declared))
"""

_HTTP_TYPES = """
  (type $pairs' (list (tuple string string)))
  (type $body' (variant (case "empty") (case "text" string) (case "bytes" (list u8))))
  (export $body "body" (type $body'))
  (type $request' (record (field "method" string) (field "path" string) (field "query" $pairs')
    (field "headers" $pairs') (field "body" $body) (field "claims" string)))
  (export $request "request" (type $request'))
  (type $response' (record (field "status" u16) (field "headers" $pairs') (field "body" $body)))
  (export $response "response" (type $response'))
"""


def _export_manifest(draft: Draft, body: str, interface: str | None) -> None:
    if interface is None:
        return
    draft.types += _MANIFEST_TYPES
    draft.functions.append(CoreFunction("get-manifest", "(result $manifest)", "(result i32)", body))
    draft.instances = f"""
  (instance $common (export "plugin-route" (type $plugin-route)) (export "manifest" (type $manifest))
    (export "get-manifest" (func $get-manifest)))
  (export "{interface}" (instance $common))"""
