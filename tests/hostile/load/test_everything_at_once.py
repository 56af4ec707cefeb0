"""The hostile crowd beside good neighbours on the whole stack: short here, ten minutes with ``make soak``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

from project.stack.parts import private_folder
from project.stack.stack import stack
from tests.soak.figures import MIB
from tests.soak.run import growth_bytes, soak

FACTOR: Final = float(os.environ.get("WASM_PLUGINS_SOAK_FACTOR", "1"))
SLOWEST_MS: Final = 20_000
"""A generous bound: how slow is slow is for ``make soak`` to say, on a machine that does nothing else."""


GROWTH_BYTES: Final = 256 * MIB
"""In seconds the processes are only warming up; `make soak` has a bound for minutes."""


@pytest.mark.slow
def test_ls_06_everything_at_once_leaves_the_neighbours_answering(tmp_path: Path) -> None:
    with private_folder() as folder, stack(folder, lambda step: None) as up:
        report = soak(up, tmp_path, idle_s=4 * FACTOR, crowded_s=20 * FACTOR)
    assert [client.unanswered for client in report.crowded] == [0] * len(report.crowded)
    assert all(client.slowest_ms < SLOWEST_MS for client in report.crowded), report.crowded
    assert report.restarts == 0
    unfinished = [run for run in report.runs if run[0] == "good" and run[1] != "finished"]
    assert not unfinished, "\n".join(map(str, report.runs))
    assert growth_bytes(report.memory) < GROWTH_BYTES
    for name, statuses in report.hostile.items():
        assert not {0, 500} & statuses.keys(), f"{name}: {dict(statuses)}"
