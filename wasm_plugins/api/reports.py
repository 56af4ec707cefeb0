"""What the API tells of a version and of a plugin, as plain values: verdict, findings, wishes, how it stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import NoReverseMatch, reverse

from ..grants import missing_grants, reaches, requested_scopes
from ..models import Plugin, PluginVersion
from ..reasons import why_not_called
from ..states import health_of, state_of, waiting_version
from ..trust import load_keys, trust_of

VERIFIED = PluginVersion.State.VERIFIED


def plugin_report(plugin: Plugin) -> dict[str, Any]:
    """Return how a plugin stands; a few queries, whatever it has."""
    current, newest = plugin.current_version, plugin.versions.first()
    keys = load_keys()
    return {
        "plugin": plugin.name,
        "state": state_of(plugin, keys).value,
        "is_enabled": plugin.is_enabled,
        "not_called": why_not_called(plugin, keys),
        "current": None if current is None else version_report(plugin, current),
        "newest": None if newest is None or newest == current else version_report(plugin, newest),
        "waiting_version": None if (waiting := waiting_version(plugin)) is None else waiting.number,
        "health": None if current is None else _health(current),
    }


def version_report(plugin: Plugin, version: PluginVersion) -> dict[str, Any]:
    """Return what is recorded of a version, and what is missing for it to serve."""
    is_verified = version.state == VERIFIED
    return {
        "plugin": plugin.name,
        "version": version.number,
        "digest": version.digest,
        "size_bytes": version.size_bytes,
        "state": version.state,
        "error": None if is_verified else {"code": version.error_code, "message": version.problem},
        "findings": [str(each) for each in version.findings],
        "signature": trust_of(version, load_keys()).value,
        "wishes": _wishes(plugin, version) if is_verified else [],
        "missing_grants": list(missing_grants(plugin, version)) if is_verified else [],
        "serves": _serves(version) if is_verified else {"hooks": [], "routes": [], "tasks": []},
        "is_current": plugin.current_version_id == version.pk,
        "recorded_at": written(version.created_at),
    }


def written(moment: datetime | None) -> str | None:
    """Return a moment in ISO 8601."""
    return None if moment is None else moment.isoformat()


def _wishes(plugin: Plugin, version: PluginVersion) -> list[dict[str, Any]]:
    """List what a version asks for, and how far each is granted."""
    granted = {grant.capability: grant.scope for grant in plugin.grants.all()}
    return [
        {
            "capability": name,
            "asked": asked,
            "granted": granted.get(name),
            "is_granted": name in granted and reaches(name, granted[name], asked),
        }
        for name, asked in requested_scopes(version).items()
    ]


def _serves(version: PluginVersion) -> dict[str, Any]:
    told = version.declared
    return {
        "hooks": [hook.name for hook in told.hooks],
        "routes": [{"path": route.path, "url": _url(route.path)} for route in told.routes],
        "tasks": [task.name for task in told.tasks],
    }


def _url(path: str) -> str | None:
    """Return where a route is found, or nothing where the project mounts none."""
    try:
        return reverse("wasm_plugins:route", args=[path.lstrip("/")])
    except NoReverseMatch:
        return None


def _health(version: PluginVersion) -> dict[str, Any] | None:
    health = health_of(version)
    if health is None:
        return None
    return {
        "asleep_until": written(health.open_until),
        "quarantined_at": written(health.quarantined_at),
        "last_error_code": health.last_error_code,
        "last_error": health.last_error[:2_000],
    }
