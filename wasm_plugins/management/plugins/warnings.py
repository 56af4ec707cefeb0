"""What an operator should know of a version although it was verified: findings, and wishes that nobody granted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ...grants import covers, requested_scopes
from ...models import Plugin, PluginVersion


def warnings_of(plugin: Plugin, version: PluginVersion) -> list[str]:
    """Return what verification found, and each capability that is asked for and not granted that far."""
    return [*map(str, version.findings), *_wishes(plugin, version)]


def _wishes(plugin: Plugin, version: PluginVersion) -> Iterator[str]:
    granted = dict(plugin.grants.values_list("capability", "scope"))
    for capability, scope in requested_scopes(version).items():
        if capability not in granted:
            yield f"asks for {_shown(capability, scope)}, which is not granted"
        elif not covers(granted[capability], scope):
            yield f"asks for {_shown(capability, scope)}, but is granted {_shown(capability, granted[capability])}"


def _shown(capability: str, scope: Any) -> str:
    return f"{capability} {json.dumps(scope, ensure_ascii=False)}" if scope else f"{capability} without a scope"
