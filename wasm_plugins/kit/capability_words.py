"""Imports as capabilities in words: what a component asks for, as an admin will read it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from wasm_plugins.capabilities import (
    AUTHORIZATION,
    CONFIG,
    DATABASE,
    DECLARED,
    HTML,
    HTTP,
    KEYVALUE,
    capability_of,
    without_version,
)

WORDS: Final[Mapping[str, str]] = {
    DATABASE: "use database tables, as listed with each, inside the caller's transaction",
    AUTHORIZATION: "ask what the user who calls may do",
    HTTP: "send requests to other hosts",
    HTML: "answer with HTML pages, without scripts and forms; the plugin also runs without this",
    CONFIG: "read its own settings and secrets",
    KEYVALUE: "keep values of its own between calls, up to a limit; no other plugin sees them",
}
"""What each capability lets a plugin do."""

FREE: Final[Mapping[str, str]] = {
    "plugins-manager:tasks/progress": "show how far a task is",
    "plugins-manager:tasks/run": "know which run and attempt of a task it is",
    "wasi:logging/logging": "write to its log",
    "wasi:clocks": "know the time",
    "wasi:random": "get random numbers",
    "wasi:cli": "start as programs do: no arguments, no environment, output to its log",
    "wasi:io": "read and write streams",
    "wasi:filesystem": "look for files, of which there are none",
    "wasi:sockets": "look for a network, of which there is none",
}
"""What needs no grant, by interface or by package."""


def wanted(imports: Iterable[str], scopes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what must or can be granted: by capability its meaning, the interfaces that need it, and its scope."""
    found: dict[str, dict[str, Any]] = {}
    for name in imports:
        if (capability := capability_of(name)) is not None:
            found.setdefault(capability, _entry(capability, scopes))["interfaces"].append(name)
    for capability in sorted(DECLARED & scopes.keys()):
        found.setdefault(capability, _entry(capability, scopes))
    return dict(sorted(found.items()))


def free(imports: Iterable[str]) -> dict[str, list[str]]:
    """Return the interfaces that need no grant, by what they are for; an unknown one stands for itself."""
    found: dict[str, list[str]] = {}
    for name in imports:
        if capability_of(name) is None:
            plain = without_version(name)
            words = FREE.get(plain) or FREE.get(plain.partition("/")[0]) or plain
            found.setdefault(words, []).append(name)
    return found


def scope_text(scope: Any) -> str:
    """Return a scope on one line, short."""
    if not scope:
        return ""
    tables = scope.get("tables") if isinstance(scope, Mapping) else None
    if isinstance(tables, Mapping) and len(scope) == 1:
        return "; ".join(f"{name}: {', '.join(map(str, operations))}" for name, operations in tables.items())
    return json.dumps(scope)


def _entry(capability: str, scopes: Mapping[str, Any]) -> dict[str, Any]:
    return {"means": WORDS[capability], "interfaces": [], "scope": scopes.get(capability, {})}
