"""Times rivals in turns, so that what disturbs the machine disturbs all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

TURN_S: Final = 0.03
"""How long one rival's turn takes at least, in seconds."""


@dataclass(frozen=True, slots=True)
class Rival:
    """One way to do the job."""

    name: str
    run: Callable[[], object]
    """Does the job once."""

    answer: object = None
    """What it must return; one that answers anything else is not measured."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What one job of a rival took, once for each round."""

    wall_us: tuple[float, ...]
    """Wall-clock microseconds."""

    cpu_us: tuple[float, ...]
    """Processor microseconds of this process, all threads."""

    def ratio(self, baseline: Timing) -> float:
        """Return how many times the baseline this is: the median of the rounds, each compared within itself."""
        return statistics.median(mine / its for mine, its in zip(self.wall_us, baseline.wall_us, strict=True))

    @property
    def median_us(self) -> float:
        """The median round's wall-clock time."""
        return statistics.median(self.wall_us)


def measure(rivals: Sequence[Rival], *, rounds: int) -> dict[str, Timing]:
    """Return each rival's timing by name.

    Raises:
        AssertionError: A rival does not do the job.
    """
    turns = {rival.name: _jobs_per_turn(rival) for rival in rivals}
    walls: dict[str, list[float]] = {rival.name: [] for rival in rivals}
    cpus: dict[str, list[float]] = {rival.name: [] for rival in rivals}
    for round_number in range(rounds):
        first = round_number % len(rivals)  # nobody always runs after the same one
        for rival in (*rivals[first:], *rivals[:first]):
            wall_us, cpu_us = _turn(rival.run, turns[rival.name])
            walls[rival.name].append(wall_us)
            cpus[rival.name].append(cpu_us)
    return {name: Timing(tuple(walls[name]), tuple(cpus[name])) for name in walls}


def _jobs_per_turn(rival: Rival) -> int:
    """Warm a rival up, check what it answers, and return how many jobs fill a turn."""
    answered = rival.run()
    assert answered == rival.answer, f"{rival.name} answered {str(answered)[:80]!r}"
    jobs = 1
    while (taken_s := _turn(rival.run, jobs)[0] * jobs / 1e6) < TURN_S:
        jobs = max(jobs * 2, int(jobs * TURN_S / max(taken_s, 1e-6)))
    return jobs


def _turn(run: Callable[[], object], jobs: int) -> tuple[float, float]:
    """Return wall-clock and processor microseconds of one job, over some jobs."""
    cpu_started, started = time.process_time(), time.perf_counter()
    for _ in range(jobs):
        run()
    taken, cpu_taken = time.perf_counter() - started, time.process_time() - cpu_started
    return taken / jobs * 1e6, cpu_taken / jobs * 1e6
