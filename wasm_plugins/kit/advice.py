"""Advice on a plugin that the host takes as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wasm_plugins.capabilities import CAPABILITIES, DATABASE, DECLARED, HTML, HTTP, requested
from wasm_plugins.kit.memory import least_memory
from wasm_plugins.kit.output import memory_text, size_text
from wasm_plugins.kit.plugin_file import PluginFile
from wasm_plugins.runtime.contract import FRAGMENTS, HTTP_HANDLER
from wasm_plugins.runtime.limits import CompileLimits, Limits
from wasm_plugins.runtime.verification import Verified
from wasm_plugins.runtime.wit import ResultOf

_NEAR: Final = 3 / 4
"""What part of a limit is worth a word."""

_OF_TOOLCHAINS: Final = frozenset({"init"})
"""Functions that toolchains export for themselves."""


def advice_on(plugin: PluginFile, verified: Verified) -> list[str]:
    """Return sentences on what could be better, each naming the number and its limit."""
    return [
        *_on_size(plugin),
        *_on_memory(plugin),
        *_on_capabilities(plugin, verified),
        *_on_exports(verified),
        *_on_declaration(verified),
    ]


def _on_size(plugin: PluginFile) -> Iterator[str]:
    size, limit = len(plugin.data), CompileLimits().component_bytes
    if size > limit * _NEAR:
        yield f"size: {size_text(size)} of the {size_text(limit)} that a project takes unless it says otherwise"


def _on_memory(plugin: PluginFile) -> Iterator[str]:
    limit = Limits().memory_bytes
    needed = least_memory(plugin)
    if needed is not None and needed * 2 > limit:
        yield f"memory: to start it needs more than {memory_text(needed // 2)} of the {memory_text(limit)} of a call"


def _on_capabilities(plugin: PluginFile, verified: Verified) -> Iterator[str]:
    scopes, needed = verified.manifest.capabilities, requested(verified.imports)
    for name in CAPABILITIES:
        if name in scopes and name not in needed and name not in DECLARED:
            yield f"capabilities.{name}: plugin.toml asks for it, but the component imports nothing of it: leave it out"
    if DATABASE in needed and not scopes.get(DATABASE, {}).get("tables"):
        yield "capabilities.database: plugin.toml names no table, so no statement is allowed until an admin adds some"
    if HTTP in needed and not scopes.get(HTTP, {}).get("hosts"):
        yield "capabilities.http: plugin.toml names no host, so no request will be sent until an admin adds some"
    if HTML in scopes and not _may_answer_html(plugin, verified):
        yield "capabilities.html: no route answers with a response record and no hook with a text: leave it out"


def _may_answer_html(plugin: PluginFile, verified: Verified) -> bool:
    """Tell whether there is a page or, from a hook that a slot of the project may show, a fragment."""
    find = plugin.component.find_export
    handlers = [find(route.handler) for route in verified.manifest.routes]
    if any(found is not None and HTTP_HANDLER.matches(found) for found in handlers):
        return True
    results = [found.result for hook in verified.manifest.hooks if (found := find(hook.name)) is not None]
    return any(isinstance(result, ResultOf) and result.ok in FRAGMENTS for result in results)


def _on_exports(verified: Verified) -> Iterator[str]:
    manifest = verified.manifest
    used = {hook.name for hook in manifest.hooks} | {task.name for task in manifest.tasks}
    used |= {route.handler for route in manifest.routes}
    for name in sorted(verified.exports.keys() - used - _OF_TOOLCHAINS):
        yield f"export {name}: nobody will call it, since get-manifest names it nowhere"


def _on_declaration(verified: Verified) -> Iterator[str]:
    missing = [key for key in ("version", "title", "description") if not getattr(verified.manifest, key)]
    if missing:
        yield f"plugin.toml: it says no {', '.join(missing)}, by which admins know a plugin"
