"""Puts a plugin with tasks into storage and records at once, without the uploads that other tests are about."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from tests.components import Function, plugin_component
from wasm_plugins.manifest import Manifest, TaskDeclaration
from wasm_plugins.models import Grant, Plugin, PluginVersion, Task, TaskRun
from wasm_plugins.registry import mark_changed
from wasm_plugins.storage import keep

Install = Callable[..., Plugin]
MakeRun = Callable[..., TaskRun]


def install_plugin(
    name: str,
    tasks: Mapping[str, Function],
    *,
    declared: Mapping[str, Any] | None = None,
    tables: Mapping[str, list[str]] | None = None,
) -> Plugin:
    """Put a plugin with these tasks into storage and records, and switch it on."""
    data = plugin_component(name, tasks=tasks)
    digest = hashlib.sha256(data).hexdigest()
    keep(digest, data)
    plugin, _ = Plugin.objects.get_or_create(name=name)
    manifest = Manifest(name=name, tasks=tuple(TaskDeclaration(name=task) for task in tasks))
    plugin.current_version = PluginVersion.objects.create(
        plugin=plugin,
        number=plugin.versions.count() + 1,
        digest=digest,
        size_bytes=len(data),
        state=PluginVersion.State.VERIFIED,
        manifest=manifest.as_json(),
    )
    plugin.is_enabled = True
    plugin.save()
    for task in tasks:
        Task.objects.update_or_create(plugin=plugin, name=task, defaults={"declared": dict(declared or {})})
    if tables is not None:
        scope = {"tables": dict(tables)}
        Grant.objects.update_or_create(plugin=plugin, capability="database", defaults={"scope": scope})
    mark_changed()
    return plugin
