"""Reads what a plugin declares and believes none of it before every name, path and number was checked.

Two sources: the record that ``get-manifest`` answers, which is the contract, and ``plugin.toml`` in a custom section of
the component, which adds what the record has no place for. The two must agree on names.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from .capabilities import CAPABILITIES
from .cron import ScheduleError, check_schedule
from .exceptions import ManifestError
from .manifest import (
    ACCESS_WORDS,
    DEFAULT_PRIORITY,
    METHODS,
    MOST_ENTRIES,
    NAME_CHARS,
    PATH_CHARS,
    HookDeclaration,
    Manifest,
    RouteDeclaration,
    TaskDeclaration,
)
from .plugin_toml import TEXTS, entry, number_of, read_toml, shown, table_of, text_of
from .settings_schema import read_schema

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")
_PERMISSION: Final = re.compile(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*")
_QUEUE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_RESERVED: Final = frozenset(
    {"admin", "static", "media", "runs", "wasm-plugins", "livez", "readyz", "con", "prn", "aux", "nul"}
    | {f"{device}{number}" for device in ("com", "lpt") for number in range(1, 10)}
)
"""Addresses of the host's own, and names that are devices on Windows, where a plugin's file is to lie too."""

_LOOK_ALIKE: Final = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "FULLWIDTH", "MATHEMATICAL"})
"""Alphabets with letters that look the same; as ``unicodedata`` names them."""

_HOOK_KEYS: Final = frozenset({"priority"})
_ROUTE_KEYS: Final = frozenset({"methods", "access"})
_TASK_KEYS: Final = frozenset({"queue", "timeout_s", "max_retries", "schedule"})


def check_name(name: object, at: str) -> str:
    """Return a name that is lower-case kebab-case and at most 63 characters.

    Raises:
        ManifestError: It is not.
    """
    if not isinstance(name, str) or len(name) > NAME_CHARS or not _NAME.fullmatch(name):
        raise ManifestError(
            f"{shown(name)} is no name: use lower-case kebab-case of at most {NAME_CHARS} characters",
            field=at,
        )
    return name


def check_plugin_name(name: object, at: str) -> str:
    """Return a name that a plugin may have.

    Raises:
        ManifestError: It is no name, or one that the host keeps for itself.
    """
    checked = check_name(name, at)
    if checked in _RESERVED:
        raise ManifestError(f"{checked} is reserved", field=at)
    return checked


def read_manifest(record: Mapping[str, Any], toml: bytes | None = None) -> Manifest:
    """Return what a plugin declares.

    Args:
        record: What ``get-manifest`` answered, by WIT field names.
        toml: The plugin's ``plugin.toml``, or ``None`` if it has none.

    Raises:
        ManifestError: With the field at fault, its value, and the limit or rule.
    """
    name = check_plugin_name(record["plugin-name"], "plugin-name")
    extra = read_toml(toml)
    hooks, routes, tasks = (_entries(record, key) for key in ("hooks", "routes", "tasks"))
    manifest = Manifest(
        name=name,
        hooks=tuple(_hook(hook, table_of(extra, "hooks"), f"hooks[{at}]") for at, hook in enumerate(hooks)),
        routes=tuple(
            _route(route, name, table_of(extra, "routes"), f"routes[{at}]") for at, route in enumerate(routes)
        ),
        tasks=tuple(_task(task, table_of(extra, "tasks"), f"tasks[{at}]") for at, task in enumerate(tasks)),
        capabilities=_capabilities(extra),
        settings=_settings(extra),
        **{key: text_of(extra, key) for key in TEXTS},
    )
    _check_distinct(manifest)
    _check_agreement(manifest, extra)
    return manifest


def mixed_scripts(manifest: Manifest) -> tuple[str, ...]:
    """List the texts for people in which one word mixes alphabets: it may be made to look like another word."""
    return tuple(key for key in TEXTS if any(_is_mixed(word) for word in getattr(manifest, key).split()))


def _is_mixed(word: str) -> bool:
    alphabets = {unicodedata.name(each, "").partition(" ")[0] for each in word if each.isalpha()}
    return len(alphabets & _LOOK_ALIKE) > 1


def _entries(record: Mapping[str, Any], key: str) -> Sequence[Any]:
    entries: Sequence[Any] = record[key]
    if len(entries) > MOST_ENTRIES:
        raise ManifestError(f"{len(entries)} entries; the limit is {MOST_ENTRIES}", field=key)
    return entries


def _hook(name: object, tables: Mapping[str, Any], at: str) -> HookDeclaration:
    checked = check_name(name, at)
    priority = number_of(entry(tables, checked, _HOOK_KEYS, at), "priority", DEFAULT_PRIORITY, -10_000, 10_000, at)
    return HookDeclaration(name=checked, priority=priority)


def _route(route: Mapping[str, Any], plugin: str, tables: Mapping[str, Any], at: str) -> RouteDeclaration:
    path = _path(route["path"], plugin, f"{at}.path")
    table = entry(tables, path, _ROUTE_KEYS, at)
    return RouteDeclaration(
        path=path,
        handler=check_name(route["handler"], f"{at}.handler"),
        process_as_task=route["process-as-task"],
        methods=_methods(table, f"{at}.methods", default=("POST",) if route["process-as-task"] else ("GET", "POST")),
        access=_access(table.get("access", "authenticated"), f"{at}.access"),
    )


def _path(path: str, plugin: str, at: str) -> str:
    own = path == f"/{plugin}" or path.startswith(f"/{plugin}/")
    if not own:
        raise ManifestError(f"{shown(path)} must begin with /{plugin}/", field=at)
    segments = path.removesuffix("/").split("/")[1:]
    if len(path) > PATH_CHARS or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise ManifestError(
            f"{shown(path)} must be at most {PATH_CHARS} letters, digits and . _ ~ - between single slashes, "
            "and no segment may begin with a dot",
            field=at,
        )
    return path


def _methods(table: Mapping[str, Any], at: str, *, default: tuple[str, ...]) -> tuple[str, ...]:
    methods = table.get("methods", default)
    if not isinstance(methods, (list, tuple)) or not methods or not all(each in METHODS for each in methods):
        raise ManifestError(f"{shown(methods)} must be a list out of {', '.join(METHODS)}", field=at)
    return tuple(dict.fromkeys(methods))


def _access(access: object, at: str) -> str:
    if isinstance(access, str) and len(access) <= 150 and (access in ACCESS_WORDS or _PERMISSION.fullmatch(access)):
        return access
    raise ManifestError(
        f"{shown(access)} must be one of {', '.join(ACCESS_WORDS)} or a permission such as shop.view_order",
        field=at,
    )


def _task(name: object, tables: Mapping[str, Any], at: str) -> TaskDeclaration:
    checked = check_name(name, at)
    table = entry(tables, checked, _TASK_KEYS, at)
    queue = table.get("queue", "")
    if queue != "" and not (isinstance(queue, str) and _QUEUE.fullmatch(queue)):
        raise ManifestError(f"{shown(queue)} is no queue name", field=f"{at}.queue")
    return TaskDeclaration(
        name=checked,
        queue=queue,
        timeout_s=number_of(table, "timeout_s", None, 1, 86_400, at),
        max_retries=number_of(table, "max_retries", 0, 0, 20, at),
        schedule=_schedule(table.get("schedule", ""), f"{at}.schedule"),
    )


def _schedule(schedule: object, at: str) -> str:
    if schedule == "":
        return ""
    try:
        return check_schedule(schedule if isinstance(schedule, str) else repr(schedule))
    except ScheduleError as error:
        raise ManifestError(str(error), field=at) from None


def _capabilities(extra: Mapping[str, Any]) -> dict[str, Any]:
    capabilities = table_of(extra, "capabilities")
    if unknown := next((name for name in capabilities if name not in CAPABILITIES), None):
        known = ", ".join(CAPABILITIES)
        raise ManifestError(f"{shown(unknown)} is unknown; known are {known}", field="plugin.toml: capabilities")
    return {name: _scope(table_of(capabilities, name), name) for name in capabilities}


def _settings(extra: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return read_schema(table_of(extra, "settings"))
    except ValueError as error:
        raise ManifestError(str(error), field="plugin.toml: settings") from None


def _scope(scope: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a scope that can be kept as JSON, which knows neither the dates nor the infinities of TOML."""
    try:
        is_kept = "\\u0000" not in json.dumps(scope, allow_nan=False)  # a NUL is refused by PostgreSQL
    except (TypeError, ValueError, RecursionError):
        is_kept = False
    if not is_kept:
        raise ManifestError("holds a value that JSON does not have", field=f"plugin.toml: capabilities.{name}")
    return scope


def _check_distinct(manifest: Manifest) -> None:
    for key, names in (
        ("hooks", [hook.name for hook in manifest.hooks]),
        ("routes", [route.path for route in manifest.routes]),
        ("tasks", [task.name for task in manifest.tasks]),
    ):
        twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
        if twice is not None:
            raise ManifestError(f"{twice} is declared twice", field=key)


def _check_agreement(manifest: Manifest, extra: Mapping[str, Any]) -> None:
    """Refuse a ``plugin.toml`` that speaks of something which the record does not declare."""
    declared = {
        "hooks": {hook.name for hook in manifest.hooks},
        "routes": {route.path for route in manifest.routes},
        "tasks": {task.name for task in manifest.tasks},
    }
    for key, names in declared.items():
        for name in table_of(extra, key):
            if name not in names:
                raise ManifestError(f"{shown(name)} is not what get-manifest declares", field=f"plugin.toml: {key}")
