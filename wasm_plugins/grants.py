"""What a version asks for, compared with what was granted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .capabilities import DECLARED, HTTP, KEYVALUE, requested
from .manifest import Manifest
from .models import Plugin, PluginVersion
from .scopes import check_grant
from .scopes.buckets import BucketGrant
from .scopes.hosts import HttpGrant

_READ_BY: Final[Mapping[str, type[HttpGrant] | type[BucketGrant]]] = {HTTP: HttpGrant, KEYVALUE: BucketGrant}
"""Whose scopes are compared by what they mean."""

__all__ = [
    "asks_no_more",
    "check_grant",
    "covers",
    "missing_grants",
    "reaches",
    "requested_scopes",
]


def requested_scopes(version: PluginVersion) -> dict[str, Any]:
    """Return the scope that a verified version asks for, by capability: those its imports need, and those it declares.

    An empty scope is what a plugin asks for that names none.
    """
    asked = version.declared.capabilities
    wanted = {*requested(version.imports), *(DECLARED & asked.keys())}
    return {capability: dict(asked.get(capability, {})) for capability in sorted(wanted)}


def missing_grants(plugin: Plugin, version: PluginVersion) -> tuple[str, ...]:
    """List, sorted, the capabilities that a version cannot run without and nobody granted."""
    granted = {grant.capability for grant in plugin.grants.all()}  # a list page has them prefetched
    return tuple(name for name in requested(version.imports) if name not in granted)


def asks_no_more(plugin: Plugin, version: PluginVersion) -> bool:
    """Tell whether a version wants nothing that an admin has not seen.

    All that it asks for, capabilities and scopes, is within what was granted; every hook, route and task of it, with
    who may call it, is as the current version has it.
    """
    granted = {grant.capability: grant.scope for grant in plugin.grants.all()}
    asked = requested_scopes(version)
    return _serves_no_more(plugin, version) and all(
        capability in granted and reaches(capability, granted[capability], scope) for capability, scope in asked.items()
    )


def _serves_no_more(plugin: Plugin, version: PluginVersion) -> bool:
    if plugin.current_version is None:
        return False
    now, then = plugin.current_version.declared, version.declared
    return (
        {hook.name for hook in then.hooks} <= {hook.name for hook in now.hooks}
        and {task.name for task in then.tasks} <= {task.name for task in now.tasks}
        and _schedules(then) <= _schedules(now)
        and set(then.routes) <= set(now.routes)
    )


def _schedules(manifest: Manifest) -> set[tuple[str, str]]:
    return {(task.name, task.schedule) for task in manifest.tasks if task.schedule}


def reaches(capability: str, granted: Any, asked: Any) -> bool:
    """Tell whether the scope that was granted of a capability reaches at least as far as one that is asked for."""
    kind = _READ_BY.get(capability)
    if kind is None:
        return covers(granted, asked)
    try:
        return kind.from_scope(granted).covers(kind.from_scope(asked))  # type: ignore[arg-type]
    except ValueError:  # what a plugin asks for is checked nowhere else
        return False


def covers(granted: Any, asked: Any) -> bool:
    """Tell whether one scope reaches at least as far as another.

    Objects must cover key by key, lists as sets, anything else by being equal.
    """
    if isinstance(granted, Mapping) and isinstance(asked, Mapping):
        return all(key in granted and covers(granted[key], inner) for key, inner in asked.items())
    if isinstance(granted, list) and isinstance(asked, list):
        return all(each in granted for each in asked)
    return type(granted) is type(asked) and bool(granted == asked)
