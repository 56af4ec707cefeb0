"""What is different between two versions of a plugin: what each may do, what it serves, what it says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..grants import requested_scopes
from ..manifest import RouteDeclaration, TaskDeclaration
from ..models import PluginVersion
from ..trust import Keys, trust_of
from .consents import parts_of
from .report import route_in_words

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
_KINDS: Final = {
    ADDED: gettext_lazy("added"),
    REMOVED: gettext_lazy("no longer there"),
    CHANGED: gettext_lazy("changed"),
}
_TEXT_CHARS: Final = 500
_SAME_CHARS: Final = 40
"""How much is shown of what two long texts have in common before their first difference."""
_OWN_SECTIONS: Final = ("name", "hooks", "routes", "tasks", "capabilities")
_ABOUT: Final = ("version", "title", "description", "author", "homepage", "license")
_TITLES: Final[Mapping[str, str | Promise]] = {
    "capabilities": gettext_lazy("Capabilities"),
    "hooks": gettext_lazy("Hooks"),
    "routes": gettext_lazy("Routes"),
    "tasks": gettext_lazy("Tasks"),
    "settings": gettext_lazy("Settings"),
    "about": gettext_lazy("What it says of itself"),
    "imports": gettext_lazy("Imports"),
    "exports": gettext_lazy("Exports"),
    "file": gettext_lazy("File"),
}


class Change(NamedTuple):
    """One thing that is not the same in both."""

    name: str
    kind: str
    said: str | Promise
    """The kind in words."""
    before: str
    after: str


class Section(NamedTuple):
    """Changes of one sort."""

    title: str | Promise
    changes: list[Change]


def differences(before: PluginVersion, after: PluginVersion, keys: Keys) -> list[Section]:
    """List what is different, what may matter most first; sections without a change are left out."""
    old, new = _told(before, keys), _told(after, keys)
    found = [
        Section(title, list(_changes(old.get(name, {}), new.get(name, {}), is_whole=name == "capabilities")))
        for name, title in _TITLES.items()
    ]
    return [section for section in found if section.changes]


def _changes(before: Mapping[str, str], after: Mapping[str, str], *, is_whole: bool = False) -> Iterator[Change]:
    """List what is different, under names that are cut unless they are to be whole."""
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        kind = ADDED if old is None else REMOVED if new is None else CHANGED
        yield Change(name if is_whole else _cut(name, 0), kind, _KINDS[kind], *_around_difference(old or "", new or ""))


def _around_difference(old: str, new: str) -> tuple[str, str]:
    """Cut two long texts so that what is shown of them is different, and marked where it does not go on."""
    if max(len(old), len(new)) <= _TEXT_CHARS:
        return old, new
    first = next(
        (at for at, (was, now) in enumerate(zip(old, new, strict=False)) if was != now), min(len(old), len(new))
    )
    start = max(0, first - _SAME_CHARS)
    return _cut(old, start), _cut(new, start)


def _cut(text: str, start: int) -> str:
    shown = text[start : start + _TEXT_CHARS]
    return f"{'…' if start else ''}{shown}{'…' if start + len(shown) < len(text) else ''}"


def _told(version: PluginVersion, keys: Keys) -> dict[str, dict[str, str]]:
    """Return all that is known of a version as texts by section and name."""
    told = {
        "imports": {str(name): _("imported") for name in version.imports},
        "exports": {str(name): str(of) for name, of in version.exports.items()},
        "file": {
            _("size"): _("%(size)s (%(bytes)d bytes)")
            % {"size": filesizeformat(version.size_bytes), "bytes": version.size_bytes},
            _("verdict"): f"{version.get_state_display()} {version.error_code}".strip(),
            _("signature"): f"{trust_of(version, keys).label} {version.signing_key}".strip(),
        },
    }
    return told if version.manifest is None else {**told, **_declared(version, version.manifest)}


def _declared(version: PluginVersion, manifest: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    declared = version.declared
    asked = requested_scopes(version)
    rest = {key: value for key, value in manifest.items() if key not in (*_OWN_SECTIONS, *_ABOUT, "settings")}
    return {
        "capabilities": _capabilities(asked),
        "hooks": {hook.name: _("priority %d") % hook.priority for hook in declared.hooks},
        "routes": {route.path: _route(route) for route in declared.routes},
        "tasks": {task.name: _task(task) for task in declared.tasks},
        "settings": _settings(manifest.get("settings")),
        "about": {
            **{key: str(manifest.get(key, "")) for key in _ABOUT if manifest.get(key)},
            **{key: _json(value) for key, value in rest.items() if value},
        },
    }


def _capabilities(asked: Mapping[str, Any]) -> dict[str, str]:
    """Take what is asked for apart by host, table and the like, so that no long list hides a change."""
    told: dict[str, set[str]] = {}
    for name, scope in asked.items():
        told[name] = {_("asked for")}
        for part in parts_of(scope):
            told.setdefault(f"{name}: {part.name}", set()).add(str(part.words))
    return {name: ", ".join(sorted(words)) for name, words in told.items()}


def _route(route: RouteDeclaration) -> str:
    said = f"{', '.join(route.methods)}; {route_in_words(route)['who']}; {route.handler}"
    return said + (_("; as a task") if route.process_as_task else "")


def _task(task: TaskDeclaration) -> str:
    said = [
        _("queue %s") % (task.queue or "–"),
        _("timeout %s") % ("–" if task.timeout_s is None else f"{task.timeout_s} s"),
        _("retries %d") % task.max_retries,
        _("schedule %s") % (task.schedule or "–"),
    ]
    return ", ".join(said)


def _settings(schema: Any) -> dict[str, str]:
    """Take a JSON schema of settings apart by property, where it is one."""
    if not schema:
        return {}
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping):
        return {_("schema"): _json(schema)}
    rest = {key: value for key, value in schema.items() if key != "properties"}
    return {**({_("schema"): _json(rest)} if rest else {}), **{key: _json(each) for key, each in properties.items()}}


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
