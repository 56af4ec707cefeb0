"""``plugins list``: every plugin, how it stands, and what lies in storage without being one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from ...models import Plugin, PluginVersion, StoredObject
from ...states import health_of, state_of, waiting_version
from ...trust import Keys, load_keys, trust_of
from .answer import Answer, size_text, table

HELP: Final = "Show every plugin and how it stands."
_HEAD: Final = ("PLUGIN", "STATE", "VERSION", "NEWER", "SIZE", "HOOKS", "ROUTES", "TASKS")


def add_arguments(parser: CommandParser) -> None:
    """Take none."""


def run(options: Mapping[str, Any]) -> Answer:
    """List them by name."""
    plugins = Plugin.objects.select_related("current_version__health").prefetch_related("versions", "grants")
    keys = load_keys()
    described = [_described(plugin, keys) for plugin in plugins]
    problems = [
        {"key": row.key, "problem": row.problem} for row in StoredObject.objects.exclude(problem="").order_by("key")
    ]
    return Answer({"plugins": described, "problems": problems}, _text(described, problems))


def _described(plugin: Plugin, keys: Keys) -> dict[str, Any]:
    version, newer = plugin.current_version, waiting_version(plugin)
    newest = plugin.versions.all()[:1]
    manifest = None if version is None else version.declared
    return {
        "name": plugin.name,
        "state": state_of(plugin, keys).value,
        "is_enabled": plugin.is_enabled,
        "health": None if version is None else _health(version),
        "version": None if version is None else version.number,
        "digest": None if version is None else version.digest,
        "size_bytes": None if version is None else version.size_bytes,
        "signature": None if version is None else trust_of(version, keys).value,
        "signing_key": None if version is None else version.signing_key,
        "newer_version": None if newer is None else newer.number,
        "hooks": [] if manifest is None else [hook.name for hook in manifest.hooks],
        "routes": [] if manifest is None else [route.path for route in manifest.routes],
        "tasks": [] if manifest is None else [task.name for task in manifest.tasks],
        "grants": sorted(grant.capability for grant in plugin.grants.all()),
        "last_refusal": next((_refusal(each) for each in newest if each.state != PluginVersion.State.VERIFIED), None),
    }


def _health(version: PluginVersion) -> dict[str, Any] | None:
    health = health_of(version)
    if health is None:
        return None
    names = ("open_until", "times_opened", "deaths", "quarantined_at", "last_error_code", "last_error")
    return {name: getattr(health, name) for name in names}


def _refusal(version: PluginVersion) -> dict[str, Any]:
    return {"version": version.number, "code": version.error_code, "problem": version.problem}


def _text(described: list[dict[str, Any]], problems: list[dict[str, str]]) -> str:
    if not described and not problems:
        return "No plugins yet. plugins upload FILE brings one."
    parts = [table(_HEAD, [_line(each) for each in described])] if described else []
    refusals = [
        (f"{each['name']} {each['last_refusal']['version']}", each["last_refusal"]["problem"])
        for each in described
        if each["last_refusal"]
    ]
    if refusals:
        parts.append(table(("REFUSED", "WHY"), refusals))
    if problems:
        parts.append(table(("IN STORAGE", "PROBLEM"), [(each["key"], each["problem"]) for each in problems]))
    return "\n\n".join(parts)


def _line(each: Mapping[str, Any]) -> tuple[object, ...]:
    size = "-" if each["size_bytes"] is None else size_text(each["size_bytes"])
    counts = [len(each[name]) for name in ("hooks", "routes", "tasks")]
    return (each["name"], each["state"], each["version"] or "-", each["newer_version"] or "-", size, *counts)
