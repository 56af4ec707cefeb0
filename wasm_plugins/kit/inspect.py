"""``wasm-plugins inspect``: what is in a plugin's file, whether a host would take it or not."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wasm_plugins.exceptions import PluginError
from wasm_plugins.kit.anatomy import anatomy
from wasm_plugins.kit.capability_words import free, scope_text, wanted
from wasm_plugins.kit.output import columns, show, size_text
from wasm_plugins.kit.plugin_file import PluginFile, open_plugin
from wasm_plugins.kit.verdict import verify_plugin
from wasm_plugins.runtime.signing import read_signature

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]

_TYPE_CHARS: Final = 240
"""How much of a type people are shown; toolchains export some of a thousand characters."""


def add_parser(subcommands: Subcommands) -> None:
    """Add the subcommand to the command line."""
    parser = subcommands.add_parser("inspect", help="show what is in a plugin's file")
    parser.add_argument("plugin", type=Path, help="the component, packed or not")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print all that can be known; status 1 only for what is no component."""
    plugin = open_plugin(arguments.plugin)
    data = inspected(plugin)
    show(data, inspected_lines(data), as_json=arguments.json)
    return 0


def inspected(plugin: PluginFile) -> dict[str, Any]:
    """Return sizes, sections, imports, exports, signature and manifest, ready for JSON."""
    component, manifest, problem = plugin.component, None, None
    scopes: Mapping[str, Any] = {}
    try:
        verified = verify_plugin(plugin)
        manifest, scopes = verified.manifest.as_json(), verified.manifest.capabilities
    except (PluginError, ValueError) as error:
        problem = {"code": getattr(error, "code", "signature-refused"), "message": str(error)}
    exports = {name: str(of) for name, of in component.exports.items()}
    for interface, instance in component.interfaces.items():
        exports |= {f"{interface}#{name}": str(of) for name, of in instance.functions.items()}
    return {
        "file": str(plugin.path),
        "size_bytes": len(plugin.data),
        "digest": plugin.digest,
        **anatomy(plugin.data),
        "capabilities": wanted(component.imports, scopes),
        "free_imports": free(component.imports),
        "exports": dict(sorted(exports.items())),
        "signature": _signature(plugin.data),
        "manifest": manifest,
        "problem": problem,
    }


def _signature(data: bytes) -> dict[str, Any] | None:
    try:
        signed = read_signature(data)
    except ValueError as error:
        return {"problem": str(error)}
    if signed is None:
        return None
    fingerprint = hashlib.sha256(bytes.fromhex(signed.key)).hexdigest()
    return {"key": signed.key, "key_sha256": fingerprint, "statement": signed.statement.as_json()}


def inspected_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the same for people."""
    yield f"{data['file']}: {size_text(data['size_bytes'])}, {size_text(data['compressed_bytes'])} compressed"
    yield f"sha256 {data['digest']}"
    yield from _section_lines(data)
    yield "imports"
    yield from columns((name, entry["means"] + _scope(entry)) for name, entry in data["capabilities"].items())
    yield from columns(("no grant", f"{words} ({', '.join(names)})") for words, names in data["free_imports"].items())
    yield "exports"
    yield from columns((name, _short(of)) for name, of in data["exports"].items())
    yield from _signature_lines(data["signature"])
    yield from _manifest_lines(data)


def _short(of: str) -> str:
    return of if len(of) <= _TYPE_CHARS else f"{of[: _TYPE_CHARS - 1]}…"


def _scope(entry: Mapping[str, Any]) -> str:
    return f" ({scope_text(entry['scope'])})" if entry["scope"] else ""


def _section_lines(data: Mapping[str, Any]) -> Iterator[str]:
    yield "sections"
    yield from columns(
        (kind, f"{entry['sections']} with {size_text(entry['size_bytes'])}") for kind, entry in data["sections"].items()
    )
    yield "custom sections"
    yield from columns((each["name"], size_text(each["size_bytes"])) for each in data["custom_sections"])
    if data["metadata"]:
        yield "says of itself"
        yield from columns(data["metadata"].items())


def _signature_lines(signature: Mapping[str, Any] | None) -> Iterator[str]:
    if signature is None:
        yield "not signed"
    elif "problem" in signature:
        yield f"signature that does not hold: {signature['problem']}"
    else:
        yield f"signed as {signature['statement']['name']}, number {signature['statement']['number']}"
        yield from columns([("key", signature["key"])])


def _manifest_lines(data: Mapping[str, Any]) -> Iterator[str]:
    if data["problem"] is not None:
        yield f"a host would refuse it: {data['problem']['message']}"
        return
    manifest = data["manifest"]
    yield f"manifest of {manifest['name']}"
    rows = [(f"hook {hook['name']}", f"priority {hook['priority']}") for hook in manifest["hooks"]]
    rows += [
        (f"route {each['path']}", f"{' '.join(each['methods'])} for {each['access']}") for each in manifest["routes"]
    ]
    rows += [(f"task {task['name']}", f"at most {task['max_retries']} retries") for task in manifest["tasks"]]
    yield from columns(rows)
