"""Fixtures of the task tests: plugins that are installed and on, and runs in any state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.components import json_handler, ok
from tests.tasks.installed import Install, MakeRun, install_plugin
from wasm_plugins.models import Plugin, TaskRun
from wasm_plugins.registry import registry


@pytest.fixture
def install() -> Iterator[Install]:
    """Install plugins; the process forgets them after the test."""
    registry.invalidate()
    yield install_plugin
    registry.invalidate()


@pytest.fixture
def plugin(db: None, install: Install) -> Plugin:
    """A plugin whose task ``recount`` answers at once."""
    return install("loyalty", {"recount": json_handler(ok('{"recounted": 3}'))})


@pytest.fixture
def make_run() -> MakeRun:
    """Write runs in any state."""

    def make(plugin: Plugin, **columns: Any) -> TaskRun:
        created_at = columns.pop("created_at", None)
        defaults: dict[str, Any] = {"handler": "recount", "input": "{}", "queue": "default", "timeout_s": 5}
        if created_at is not None:
            defaults["due_at"] = created_at
        run = TaskRun.objects.create(plugin=plugin, **{**defaults, **columns})
        if created_at is not None:
            TaskRun.objects.filter(pk=run.pk).update(created_at=created_at)
        return run

    return make
