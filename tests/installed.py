"""Puts a plugin into the running project the way an admin does: upload, grant, enable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wasm_plugins import lifecycle
from wasm_plugins.models import Plugin
from wasm_plugins.sync import record_upload


def install(component: bytes, *, grants: Mapping[str, Any] | None = None, enable: bool = True) -> Plugin:
    """Upload a component, grant capabilities with their scopes, and enable it."""
    version = record_upload(component)
    assert version.state == "verified", version.problem
    for capability, scope in (grants or {}).items():
        lifecycle.grant(version.plugin, capability, scope)
    if enable:
        lifecycle.enable(version.plugin, version=version.number)
    return Plugin.objects.get(pk=version.plugin_id)


def tables(**operations: list[str]) -> dict[str, Any]:
    """Return grants of the database capability for some tables."""
    return {"database": {"tables": operations}}
