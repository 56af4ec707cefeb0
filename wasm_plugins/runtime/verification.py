"""Decides whether a component is a plugin that this host can run, and says why not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..capabilities import without_version
from ..exceptions import LinkError, ManifestError
from ..manifest import TOML_SECTION, Manifest
from ..manifest_reader import mixed_scripts, read_manifest
from ..scopes import check_grant
from . import sandbox
from .component import Component
from .contract import GET_MANIFEST, PLUGIN_COMMON, ROUTE_TYPES, TASK_TYPES
from .limits import Limits
from .linker import Interfaces, LinkedComponent
from .sections import read_sections
from .wit import Func

SECTION_BYTES: Final = 192 * 1024
"""Largest sum of a component's custom sections: ``plugin.toml``, a signature, and what toolchains leave behind."""

RECORD_CHARS: Final = 256 * 1024
"""Largest manifest and export types, as JSON: nested types of a kilobyte can be megabytes as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What is known of a component that passed."""

    manifest: Manifest
    imports: tuple[str, ...]
    """Full names of all that it needs from the host, sorted."""

    exports: Mapping[str, str]
    """Its exported functions, each with its type as WIT text."""

    findings: tuple[str, ...]
    """What an admin should know although it is no refusal."""


def verify(
    data: bytes,
    component: Component,
    *,
    interfaces: Interfaces,
    hooks: Mapping[str, Func],
    limits: Limits,
    expected_name: str | None = None,
) -> Verified:
    """Check imports, exports and manifest of a compiled component; runs ``get-manifest`` in the sandbox.

    Args:
        data: The component's bytes, for its ``plugin.toml`` section.
        component: The same, compiled.
        interfaces: What the host offers.
        hooks: The types of the hooks that the project declares, by WIT name.
        limits: What ``get-manifest`` may spend.
        expected_name: The name it was uploaded under, or ``None`` if it may choose.

    Raises:
        LinkError: An import that the host lacks, an export that is missing or has another type.
        ManifestError: A declaration that is malformed, over a limit, or of another name.
        CallError: ``get-manifest`` crashed or ran out of time.
    """
    linked = LinkedComponent(component, interfaces)
    manifest = read_manifest(_ask_twice(linked, limits), _toml(data))
    if expected_name is not None and manifest.name != expected_name:
        raise ManifestError(f"is {manifest.name}, but it was uploaded as {expected_name}", field="plugin-name")
    _check_exports(component, manifest, hooks)
    verified = Verified(
        manifest=manifest,
        imports=component.imports,
        exports={name: str(of) for name, of in component.exports.items()},
        findings=(
            *(f"hook {hook.name}: this project never calls it" for hook in manifest.hooks if hook.name not in hooks),
            *(f"{text}: a word mixes alphabets, and may not be what it looks like" for text in mixed_scripts(manifest)),
        ),
    )
    _check_recordable(verified)
    _check_scopes(manifest)
    return verified


def find_interface(component: Component, name: str) -> str | None:
    """Return the full name of an exported interface, whatever version it carries, or ``None``."""
    return next((full for full in component.interfaces if without_version(full) == name), None)


def _ask_twice(linked: LinkedComponent, limits: Limits) -> Mapping[str, Any]:
    """Ask for the manifest in two fresh instances: what declares something else each time declares nothing."""
    record = _ask(linked, limits)
    if _ask(linked, limits) != record:
        raise ManifestError("answers something else each time it is asked", field="get-manifest")
    return record


def _ask(linked: LinkedComponent, limits: Limits) -> Mapping[str, Any]:
    interface = find_interface(linked.component, PLUGIN_COMMON)
    found = None if interface is None else linked.component.find_export("get-manifest", interface)
    if found is None:
        raise LinkError(f"exports no {PLUGIN_COMMON} with get-manifest", missing=PLUGIN_COMMON)
    _expect(found, (GET_MANIFEST,), f"{PLUGIN_COMMON}#get-manifest")
    record: Mapping[str, Any] = sandbox.call(linked, "get-manifest", interface=interface, limits=limits)
    return record


def _toml(data: bytes) -> bytes | None:
    try:
        return read_sections(data, limit_bytes=SECTION_BYTES).get(TOML_SECTION)
    except ValueError as error:
        raise ManifestError(str(error), field=TOML_SECTION) from None


def _check_exports(component: Component, manifest: Manifest, hooks: Mapping[str, Func]) -> None:
    for hook in manifest.hooks:
        found = _export(component, hook.name, "hook")
        if (declared := hooks.get(hook.name)) is not None:
            _expect(found, (declared,), f"hook {hook.name}")
    for route in manifest.routes:
        accepted = TASK_TYPES if route.process_as_task else ROUTE_TYPES
        _expect(_export(component, route.handler, f"route {route.path}"), accepted, f"handler {route.handler}")
    for task in manifest.tasks:
        _expect(_export(component, task.name, "task"), TASK_TYPES, f"task {task.name}")


def _export(component: Component, name: str, what: str) -> Func:
    found = component.find_export(name)
    if found is None:
        raise LinkError(f"the manifest names the {what} {name}, but no such function is exported", missing=name)
    return found


def _expect(found: Func, accepted: tuple[Func, ...], what: str) -> None:
    if not any(each.matches(found) for each in accepted):
        wanted = " or ".join(map(str, accepted))
        raise LinkError(f"{what} is {found}, but it must be {wanted}", missing=what)


def _check_recordable(verified: Verified) -> None:
    """Refuse what no JSON column takes: dates and infinities, which TOML has, and the character NUL."""
    try:
        text = json.dumps([verified.manifest.as_json(), verified.exports], allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ManifestError("holds a value that JSON does not have", field="plugin.toml") from None
    if len(text) > RECORD_CHARS:
        raise ManifestError(f"declares {len(text)} characters; the limit is {RECORD_CHARS}", field="exports")
    if "\\u0000" in text:
        raise ManifestError("holds the character NUL", field="plugin.toml")


def _check_scopes(manifest: Manifest) -> None:
    """Refuse scopes that nobody could grant as they stand: a misspelt table operation must not wait for an admin."""
    for capability, scope in manifest.capabilities.items():
        try:
            check_grant(capability, scope)
        except ValueError as error:
            raise ManifestError(str(error), field=f"plugin.toml: capabilities.{capability}") from None
