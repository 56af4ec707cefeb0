"""Calls an export of an installed plugin as routes and tasks do, and returns what it answered as it is."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from wasm_plugins import get_plugin_manager
from wasm_plugins.caller import call_plugin
from wasm_plugins.registry import find_snapshot


def called(name: str, argument: str = "{}", *, user: Any = None) -> str | None:
    """Call ``plugin/export`` in a transaction of its own, on behalf of somebody."""
    plugin, _, export = name.partition("/")
    with get_plugin_manager().acting_as(user), transaction.atomic():
        answer: str | None = call_plugin(
            find_snapshot().plugins[plugin],
            export,
            [argument],
            using="default",
            owns_transaction=True,
            deadline_ms=5_000,
        )
    return answer
