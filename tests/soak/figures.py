"""What a soak is judged by: answers of the neighbours, and the processes with their memory."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from project.stack.processes import Child
from tests.soak.traffic import Client

MIB = 1024 * 1024


@dataclass(frozen=True)
class Fared:
    """How one client fared."""

    name: str
    requests: int
    unanswered: int
    """Answers that were not 200."""

    median_ms: float
    p95_ms: float
    slowest_ms: float


def fared(client: Client) -> Fared:
    """Return how a client fared; one that asked too seldom for percentiles fails here."""
    times = [elapsed_ms for _, elapsed_ms in client.answers]
    return Fared(
        name=client.name,
        requests=len(times),
        unanswered=sum(status != 200 for status, _ in client.answers),
        median_ms=statistics.median(times),
        p95_ms=statistics.quantiles(times, n=20)[-1],
        slowest_ms=max(times),
    )


def statuses(client: Client) -> Mapping[int, int]:
    """Return how often each status was answered."""
    found: dict[int, int] = {}
    for status, _ in client.answers:
        found[status] = found.get(status, 0) + 1
    return dict(sorted(found.items()))


def processes(children: Sequence[Child]) -> dict[int, str]:
    """Return the processes of some programs, with their lasting children, by id."""
    return {pid: child.name for child in children for pid in (child.process.pid, *_children(child.process.pid))}


def memory_bytes(pids: Mapping[int, str]) -> int:
    """Return the memory that some processes hold together; those that have ended hold none."""
    return sum(_pss_bytes(pid) for pid in pids)


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _pss_bytes(pid: int) -> int:
    """Return a process's share of memory: what a work horse has in common with its parent counts once."""
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0
