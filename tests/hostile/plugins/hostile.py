"""What hostile plugins are made of, and how they are served and asked over HTTP like any other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.test import Client
from wasmtime import wat2wasm

from tests.components import (
    _MANIFEST_TYPES,
    Body,
    Function,
    _manifest,
    json_handler,
    ok,
    plugin_component,
    route,
)
from tests.host_imports import Step
from tests.installed import install
from tests.wat import Memory
from wasm_plugins.models import Plugin

PAGE_BYTES = 65_536
PROBE_WAT = Path(__file__).parents[2] / "runtime" / "wasi" / "probe.wat"


def raw(instructions: str, *, first: tuple[Step, ...] = ()) -> Body:
    """Run core instructions as they are written; they leave the address of the answer, or never end.

    ``$failed`` is a number to count with where there are steps, which stand in the text as ``{0}``, ``{1}`` …; ``{ok}``
    stands for the address of the answer ``{}``, and ``{free}`` for the first address that nothing lies at.
    """

    def body(memory: Memory, shape: Any) -> tuple[str, tuple[Step, ...]]:
        ready = memory.words(0, *memory.text("{}"))
        calls = [step.as_wat(memory) for step in first]
        text = instructions.replace("{ok}", f"(i32.const {ready})").replace("{free}", f"(i32.const {memory.end + 64})")
        for number, call in enumerate(calls):
            text = text.replace(f"{{{number}}}", call)
        return text, first

    return body


def answer_of(size: str, *, at: str = "(i32.const 0)") -> Body:
    """Answer ok with a text of some size at some address, both instructions."""

    def body(memory: Memory, shape: Any) -> tuple[str, tuple[Step, ...]]:
        answer = memory.words(0, 0, 0)
        return (
            f"(i32.store (i32.const {answer + 4}) {at}) (i32.store (i32.const {answer + 8}) {size})"
            f" (i32.const {answer})"
        ), ()

    return body


def component(functions: Mapping[str, Function | Body], name: str = "hostile", **options: Any) -> bytes:
    """Return a plugin with a public route for each function, and a good one at ``/<name>/well``."""
    made = {
        each: found if isinstance(found, Function) else json_handler(found)
        for each, found in {**functions, "well": ok('"well"')}.items()
    }
    routes = [route(f"/{name}/{each}", found) for each, found in made.items()]
    toml = "".join(f'[routes."{each.path}"]\naccess = "public"\n' for each in routes)
    return plugin_component(name, routes=routes, toml=toml, **options)


def serve(
    functions: Mapping[str, Function | Body], *, grants: Mapping[str, Any] | None = None, **options: Any
) -> Plugin:
    """Install such a plugin and switch it on."""
    return install(component(functions, **options), grants=grants)


def ask(client: Client, name: str, plugin: str = "hostile") -> HttpResponse:
    """Send a request to a route as anybody may."""
    return client.post(f"/plugins/{plugin}/{name}", "{}", content_type="application/json")  # type: ignore[return-value]


def outcome(response: HttpResponse) -> tuple[int, str]:
    """Return status and error code of an answer."""
    return response.status_code, response.json()["error"]["code"]  # type: ignore[attr-defined]


TIMEOUT = (504, "deadline-exceeded")
TRAP = (502, "plugin-trapped")
LIMIT = (502, "limit-exceeded")


def is_well(client: Client, plugin: str = "hostile") -> bool:
    """Tell whether the good route of a plugin answers."""
    response = ask(client, "well", plugin)
    return response.status_code == 200 and response.content == b'"well"'


def wasi_probe() -> bytes:
    """Return a plugin whose hooks ask WASI for everything; each takes a number and answers one."""
    text = PROBE_WAT.read_text().rstrip()
    hooks = [line.split('"')[1] for line in text.splitlines() if line.startswith('  (func (export "')]
    memory = Memory()
    answer = _manifest(memory, "probe", hooks, [], [])
    heap = memory.as_wat().replace("$libc", "$own-libc").replace("$memory", "$own-memory")
    heap = heap.replace("(core func $realloc)", "(core func $own-realloc)")
    declaration = f"""
  {heap}
  (core module $declare (func (export "get-manifest") (result i32) (i32.const {answer})))
  (core instance $declare (instantiate $declare))
  {_MANIFEST_TYPES}
  (func $get-manifest (result $manifest)
    (canon lift (core func $declare "get-manifest") (memory $own-memory) (realloc $own-realloc)))
  (instance $common (export "plugin-route" (type $plugin-route)) (export "manifest" (type $manifest))
    (export "get-manifest" (func $get-manifest)))
  (export "plugins-manager:common/plugin-common" (instance $common)))"""
    return bytes(wat2wasm(text[: text.rindex(")")] + declaration))
