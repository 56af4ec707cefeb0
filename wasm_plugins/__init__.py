"""WebAssembly plugins for Django: hooks, routes and tasks from components that nobody has to trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .hooks import hook
    from .manager import PluginManager, get_plugin_manager
    from .results import HookResult, HookResults

__all__ = ["HookResult", "HookResults", "PluginManager", "get_plugin_manager", "hook"]

_HOME = {
    "HookResult": "results",
    "HookResults": "results",
    "PluginManager": "manager",
    "get_plugin_manager": "manager",
    "hook": "hooks",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is used: Django imports this package before models may be imported."""
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
