"""What a verified plugin is and asks for, as data and as lines; ``build``, ``check`` and ``inspect`` show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wasm_plugins.kit.capability_words import free, scope_text, wanted
from wasm_plugins.kit.output import columns, size_text
from wasm_plugins.kit.plugin_file import PluginFile
from wasm_plugins.manifest import Manifest
from wasm_plugins.runtime.verification import Verified


def facts_of(plugin: PluginFile, verified: Verified) -> dict[str, Any]:
    """Return the facts, ready for JSON."""
    manifest = verified.manifest
    return {
        "file": str(plugin.path),
        "size_bytes": len(plugin.data),
        "digest": plugin.digest,
        "plugin": manifest.name,
        "version": manifest.version,
        "capabilities": wanted(verified.imports, manifest.capabilities),
        "free_imports": free(verified.imports),
        "hooks": {hook.name: verified.exports[hook.name] for hook in manifest.hooks},
        "routes": {route.path: _route(manifest, route.path, verified.exports) for route in manifest.routes},
        "tasks": {task.name: verified.exports[task.name] for task in manifest.tasks},
    }


def _route(manifest: Manifest, path: str, exports: Mapping[str, str]) -> dict[str, Any]:
    route = next(each for each in manifest.routes if each.path == path)
    return {
        "methods": list(route.methods),
        "access": route.access,
        "process_as_task": route.process_as_task,
        "handler": route.handler,
        "type": exports[route.handler],
    }


def fact_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the facts for people."""
    version = f" {facts['version']}" if facts["version"] else ""
    yield f"{facts['file']}: {facts['plugin']}{version}, {size_text(facts['size_bytes'])}"
    yield "asks for" if facts["capabilities"] else "asks for nothing that needs a grant"
    yield from columns(
        (name, entry["means"] + (f" ({scope_text(entry['scope'])})" if entry["scope"] else ""))
        for name, entry in facts["capabilities"].items()
    )
    if facts["free_imports"]:
        yield "may, without a grant, " + "; ".join(facts["free_imports"])
    yield from _offers(facts)


def _offers(facts: Mapping[str, Any]) -> Iterator[str]:
    rows = [(f"hook {name}", of) for name, of in facts["hooks"].items()]
    for path, route in facts["routes"].items():
        how = ", runs as a task" if route["process_as_task"] else ""
        rows.append((f"route {path}", f"{' '.join(route['methods'])} for {route['access']}{how}"))
    rows += [(f"task {name}", of) for name, of in facts["tasks"].items()]
    yield "offers" if rows else "offers nothing: no hooks, routes or tasks are in its manifest"
    yield from columns(rows)
