"""What an admin's yes to a version grants: what is new in its wishes, and never again what he took away before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .grants import requested_scopes
from .models import Plugin, PluginVersion

_NOTHING: Final = object()


def missing_scopes(plugin: Plugin, version: PluginVersion) -> dict[str, Any]:
    """Return scope by each capability that a version asks for and nobody granted; what is granted stays as it is."""
    granted = _granted(plugin)
    return {name: scope for name, scope in requested_scopes(version).items() if name not in granted}


def scopes_to_approve(plugin: Plugin, version: PluginVersion) -> dict[str, Any]:
    """Return scope by capability to grant when an admin agrees to a version.

    What the version asks for, except what the current version asked for too and the grant does not have: somebody
    narrowed it, and agreeing to an upgrade does not widen it again.
    """
    granted, before = _granted(plugin), _asked_before(plugin)
    found = {}
    for name, asked in requested_scopes(version).items():
        agreed = _agreed(asked, granted[name], before.get(name, _NOTHING)) if name in granted else asked
        found[name] = {} if agreed is _NOTHING else agreed
    return found


def _granted(plugin: Plugin) -> dict[str, Any]:
    return {grant.capability: grant.scope for grant in plugin.grants.all()}


def _asked_before(plugin: Plugin) -> dict[str, Any]:
    current = plugin.current_version
    if current is None or current.manifest is None:
        return {}
    return requested_scopes(current)


def _agreed(asked: Any, granted: Any, before: Any) -> Any:
    """Return the part of a wish that is granted already or was not asked for before; ``_NOTHING`` if none is."""
    if before is _NOTHING:
        return asked
    if isinstance(asked, Mapping) and isinstance(before, Mapping):
        inner = granted if isinstance(granted, Mapping) else {}
        parts = {key: _agreed(asked[key], inner.get(key, _NOTHING), before.get(key, _NOTHING)) for key in asked}
        kept = {key: part for key, part in parts.items() if part is not _NOTHING}
        return kept if kept or not asked else _NOTHING
    if isinstance(asked, list) and isinstance(before, list):
        had = granted if isinstance(granted, list) else []
        kept_items = [each for each in asked if each in had or each not in before]
        return kept_items if kept_items or not asked else _NOTHING
    return asked if asked == granted or asked != before else _NOTHING
