"""What the tests of faults share: real workers, plugins where these look for them, a process that forgets plugins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.workers import Workers, share_plugins
from wasm_plugins.registry import registry


@pytest.fixture
def workers(child_environment: dict[str, str], tmp_path: Path, settings: Settings, rq_queue: str) -> Iterator[Workers]:
    """Start workers on this run's servers; the queue is empty before and after."""
    share_plugins(settings)
    registry.invalidate()
    yield Workers(tmp_path, child_environment)
    registry.invalidate()
