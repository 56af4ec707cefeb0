"""Which WIT interface needs which capability, so that a component's imports are its request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

DATABASE: Final = "database"
"""Read and write the tables that the grant names, inside the caller's transaction."""

AUTHORIZATION: Final = "authorization"
"""Ask whether the user who really called may do something."""

HTTP: Final = "http"
"""Send HTTP requests to the hosts that the grant names."""

CONFIG: Final = "config"
"""Read the plugin's own settings and secrets."""

KEYVALUE: Final = "keyvalue"
"""Keep values under keys in a store of the plugin's own, inside the caller's transaction."""

HTML: Final = "html"
"""Answer routes with HTML pages, and slots with fragments. No import shows it, so ``plugin.toml`` asks for it."""

_CAPABILITY_OF: Final[dict[str, str | None]] = {
    "plugins-manager:common/types": None,
    "plugins-manager:common/http": None,
    "plugins-manager:transactions-manager/transaction": DATABASE,
    "plugins-manager:jwt/authorization": AUTHORIZATION,
    "plugins-manager:tasks/progress": None,
    "plugins-manager:tasks/run": None,
    "wasi:config/store": CONFIG,
    "wasi:keyvalue/store": KEYVALUE,
    "wasi:keyvalue/atomics": KEYVALUE,
    "wasi:logging/logging": None,
    "wasi:http/types": HTTP,
    "wasi:http/outgoing-handler": HTTP,
}

DECLARED: Final = frozenset({HTML})
"""Capabilities that only ``plugin.toml`` asks for; a plugin runs without them, and then just does not get them."""

CAPABILITIES: Final = tuple(sorted({name for name in _CAPABILITY_OF.values() if name is not None} | DECLARED))
"""Every capability that an admin can grant."""


def without_version(interface: str) -> str:
    """Return an interface's name without its version: ``wasi:io/poll@0.2.9`` becomes ``wasi:io/poll``."""
    return interface.partition("@")[0]


def capability_of(interface: str) -> str | None:
    """Name the capability that an interface belongs to, or ``None`` when it needs no grant."""
    return _CAPABILITY_OF.get(without_version(interface))


def requested(imports: Iterable[str]) -> tuple[str, ...]:
    """List, sorted, the capabilities that a component with these imports cannot run without."""
    return tuple(sorted({found for name in imports if (found := capability_of(name)) is not None}))
