"""Tests of what a newcomer types first: the demo and the stack come up, do their job and leave nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 300


def _run(module: str) -> subprocess.CompletedProcess[str]:
    """Run a module with ``--check``, without what this test run told its own children."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SHOP_", "TEST_", "DJANGO_", "WASM_PLUGINS_"))
    }
    command = [sys.executable, "-m", module, "--check"]
    return subprocess.run(
        command, cwd=ROOT, env=inherited, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


@pytest.mark.slow
def test_the_demo_goes_through_every_step() -> None:
    done = _run("project.demo")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_stack_comes_up_and_stops() -> None:
    done = _run("project.stack")
    assert done.returncode == 0, done.stdout + done.stderr
