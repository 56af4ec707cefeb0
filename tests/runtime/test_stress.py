"""Eight threads with failing host functions, before and after a fork: nothing lost, nothing foreign, no memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.components import FORKS_ON_PURPOSE

ROOT = Path(__file__).resolve().parents[2]
CALLS = 100_000
SLACK_BYTES = 2 * 1024 * 1024


@pytest.mark.slow
def test_no_exception_of_eight_threads_is_lost_or_foreign_before_and_after_a_fork() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", FORKS_ON_PURPOSE, "-m", "tests.runtime.stress", str(CALLS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    rounds = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [each["round"] for each in rounds] == ["before", "child", "after"]
    for each in rounds:
        assert (each["foreign"], each["lost"], each["miscounted"]) == (0, 0, 0)
        assert each["answered"] + each["raised"] == CALLS
        assert each["raised"] > CALLS // 4
        assert each["grown_bytes"] < SLACK_BYTES
