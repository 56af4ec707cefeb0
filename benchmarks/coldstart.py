"""Starts new processes on a warm cache of compiled code, and times them until their first hook is answered."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Final

from wasm_plugins.runtime.sections import append_section

from .components import ROOT, Guest

PLUGINS: Final = 10


@dataclass(frozen=True, slots=True)
class ColdStart:
    """One new process, in milliseconds of wall-clock time except where it says otherwise."""

    imports_ms: float
    """From the start of the process until Django is set up."""

    first_hook_ms: float
    """The first hook, which all plugins answer: records, compiled code, linking, calls."""

    second_hook_ms: float
    """The same hook again."""

    cpu_ms: float
    """Processor time of the whole process until the first hook was answered."""

    @property
    def total_ms(self) -> float:
        """From the start of the process until its first hook is answered."""
        return self.imports_ms + self.first_hook_ms


def copies(guest: Guest) -> list[Guest]:
    """Return plugins that do the same, each with bytes, and so with compiled code, of its own."""
    return [
        Guest(f"copy-{number}", append_section(guest.data, "copy", str(number).encode()))
        for number in range(1, PLUGINS + 1)
    ]


def measure_cold_start(processes: int) -> ColdStart:
    """Return the median of some new processes, each figure for itself."""
    starts = [_start() for _ in range(processes)]
    return ColdStart(**{name: statistics.median(start[name] for start in starts) for name in starts[0]})


def _start() -> dict[str, float]:
    """Run this module as a new process."""
    command = [sys.executable, "-m", __spec__.name, str(time.monotonic())]
    environment = {**os.environ, "BENCHMARK_SYNC_INTERVAL_S": "60"}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _answer(started: float) -> ColdStart:
    """Be the new process; ``time.monotonic()`` is one clock for all processes of a machine."""
    import django

    django.setup()
    from .ours import echo

    ready = time.monotonic()
    assert len(echo("first")) == PLUGINS
    answered, cpu_s = time.monotonic(), time.process_time()
    echo("second")
    again = time.monotonic()
    return ColdStart((ready - started) * 1000, (answered - ready) * 1000, (again - answered) * 1000, cpu_s * 1000)


if __name__ == "__main__":
    print(json.dumps(asdict(_answer(float(sys.argv[1])))))
