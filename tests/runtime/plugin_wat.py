"""Writes a whole plugin as WebAssembly text: its manifest, and exports of whatever types."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from .components import ALLOCATOR, LIFTED, MANIFEST_SHAPE

PLUGIN_COMMON = "plugins-manager:common/plugin-common"
JSON_HANDLER = '(param "input" string) (result (result string (error string)))'
RECORD_AT = 4096
RECORD_BYTES = 32

Route = tuple[str, str, bool]
"""Path, handler, process-as-task."""


class _Memory:
    """The data of the manifest: texts and lists, put one after the other into the heap's low memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def put(self, data: bytes) -> int:
        at = RECORD_AT + RECORD_BYTES + len(self.data)
        self.data += data + bytes(-len(data) % 4)
        return at

    def text(self, text: str) -> bytes:
        data = text.encode()
        return struct.pack("<II", self.put(data), len(data))

    def items(self, items: Sequence[bytes]) -> bytes:
        return struct.pack("<II", self.put(b"".join(items)), len(items))


def _manifest(name: str, hooks: Sequence[str], routes: Sequence[Route], tasks: Sequence[str]) -> str:
    memory = _Memory()
    shown = [memory.text(path) + memory.text(handler) + struct.pack("<I", task) for path, handler, task in routes]
    record = (
        memory.text(name)
        + memory.items([memory.text(hook) for hook in hooks])
        + memory.items(shown)
        + memory.items([memory.text(task) for task in tasks])
    )
    return "".join(f"\\{byte:02x}" for byte in record + memory.data)


def plugin(
    name: str = "sample",
    *,
    hooks: Sequence[str] = (),
    routes: Sequence[Route] = (),
    tasks: Sequence[str] = (),
    exports: Mapping[str, str] | None = None,
    get_manifest: str = f"(i32.const {RECORD_AT})",
    common: str = PLUGIN_COMMON,
    types: str = "",
) -> str:
    """Return a plugin whose exports all crash, except for get-manifest.

    Args:
        exports: Each export's signature as WebAssembly text, by name.
        get_manifest: The body of get-manifest.
        common: The exported interface's name.
        types: Definitions that the signatures need.
    """
    lifts = "\n".join(
        f'(func (export "{each}") {signature} (canon lift (core func $i "{_core(signature)}") {LIFTED}))'
        for each, signature in (exports or {}).items()
    )
    return f"""(component
      (import "plugins-manager:common/types" (instance $host {MANIFEST_SHAPE} {types}))
      (alias export $host "plugin-route" (type $plugin-route))
      (alias export $host "manifest" (type $plugin-manifest))
      {_aliases(types)}
      {ALLOCATOR}
      (core module $m (import "heap" "memory" (memory 1))
        (data (i32.const {RECORD_AT}) "{_manifest(name, hooks, routes, tasks)}")
        (func (export "get-manifest") (result i32) {get_manifest})
        (func (export "run") (param i32 i32) (result i32) unreachable)
        (func (export "none"))
        (func (export "record") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable))
      (core instance $i (instantiate $m (with "heap" (instance $heap))))
      (func $get-manifest (result $plugin-manifest) (canon lift (core func $i "get-manifest") {LIFTED}))
      (instance $common (export "plugin-route" (type $plugin-route)) (export "manifest" (type $plugin-manifest))
        (export "get-manifest" (func $get-manifest)))
      (export "{common}" (instance $common))
      {lifts})"""


def _core(signature: str) -> str:
    """Choose the core function whose flat signature fits."""
    if not signature:
        return "none"
    return "record" if "$request" in signature else "run"


def _aliases(types: str) -> str:
    names = [part.split('"')[1] for part in types.split("(export ")[1:]]
    return "\n".join(f'(alias export $host "{name}" (type ${name}))' for name in names)


HTTP_TYPES = """
    (type $raw-body (variant (case "empty") (case "text" string) (case "bytes" (list u8))))
    (export "body" (type $body (eq $raw-body)))
    (type $raw-request (record (field "method" string) (field "path" string)
      (field "query" (list (tuple string string))) (field "headers" (list (tuple string string)))
      (field "body" $body) (field "claims" string)))
    (export "request" (type $request (eq $raw-request)))
    (type $raw-response (record (field "status" u16) (field "headers" (list (tuple string string)))
      (field "body" $body)))
    (export "response" (type $response (eq $raw-response)))
"""
HTTP_HANDLER = '(param "request" $request) (result (result $response (error string)))'
