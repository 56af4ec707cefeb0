"""Runs the stack with its neighbours alone, then with the hostile crowd beside them, and measures both."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from project.stack.stack import RunningStack
from tests.soak import crowd
from tests.soak.elsewhere import asking_elsewhere
from tests.soak.figures import Fared, fared, memory_bytes, processes, statuses
from tests.soak.traffic import Client, asking

NEIGHBOUR_PAUSE_S: Final = 0.2
HOSTILE_PAUSE_S: Final = 0.1
TASK_PAUSE_S: Final = 2.0
SETTLE_S: Final = 2.0
"""How long is waited between two looks at what the crowd left behind, in seconds."""

PATIENCE_S: Final = 300.0
"""How long what is queued is waited for: tasks that spin or sleep hold a worker for a minute each, by default."""

_RUNS: Final = """
import json
from django.db.models import Count
from wasm_plugins.models import TaskRun
rows = TaskRun.objects.values_list("plugin__name", "status").annotate(Count("pk"))
print(json.dumps([list(row) for row in rows]))
"""


@dataclass
class SoakReport:
    """What was measured."""

    idle: list[Fared]
    """The neighbours, alone."""

    crowded: list[Fared]
    """The same, beside the crowd."""

    hostile: dict[str, Mapping[int, int]]
    """What the crowd was answered: how often each status, by client."""

    runs: list[tuple[str, str, int]]
    """Task runs by plugin and status."""

    restarts: int
    """Processes of the stack that are not those it began with."""

    memory: list[int] = field(default_factory=list)
    """Bytes of all the stack's Python processes, read a few times a minute while the crowd was there."""


def soak(up: RunningStack, folder: Path, *, idle_s: float, crowded_s: float) -> SoakReport:
    """Measure; blocks for both times together, and for a minute of preparations."""
    _install(up, folder)
    began_with = processes(up.children)
    idle = _neighbours(up)
    with asking(idle):
        time.sleep(idle_s)
    neighbours, crowd_ = _neighbours(up), _crowd(up)
    with asking_elsewhere(crowd_), asking(neighbours), _MemoryReader(up, crowded_s / 60) as memory:
        time.sleep(crowded_s)
    runs = _runs_when_settled(up)
    return SoakReport(
        idle=[fared(client) for client in idle if client.pause_s < TASK_PAUSE_S],
        crowded=[fared(client) for client in neighbours if client.pause_s < TASK_PAUSE_S],
        hostile={client.name: statuses(client) for client in crowd_},
        runs=runs,
        restarts=len(began_with.keys() - processes(up.children).keys()),
        memory=memory.readings,
    )


def _install(up: RunningStack, folder: Path) -> None:
    for name, component in {crowd.GOOD: crowd.good(), **{each: crowd.hostile(each) for each in crowd.HOSTILE}}.items():
        file = folder / f"{name}.wasm"
        file.write_bytes(component)
        up.shop.manage("plugins", "upload", str(file))
        up.shop.manage("plugins", "enable", name)
    for path in ("", f"plugins/{crowd.GOOD}/{crowd.PAGE}"):
        for _ in range(20):  # each process and thread has served it before anything is measured
            Client("first", f"{up.url}/{path}", 0).ask()


def _neighbours(up: RunningStack) -> list[Client]:
    return [
        Client("shop", f"{up.url}/", NEIGHBOUR_PAUSE_S),
        Client("good plugin", _url(up, crowd.GOOD, crowd.PAGE), NEIGHBOUR_PAUSE_S),
        Client("good task", _url(up, crowd.GOOD, crowd.LATER), TASK_PAUSE_S),
    ]


def _crowd(up: RunningStack) -> list[Client]:
    pages = [Client(f"{name} page", _url(up, name, crowd.PAGE), HOSTILE_PAUSE_S) for name in crowd.HOSTILE]
    return pages + [Client(f"{name} task", _url(up, name, crowd.LATER), TASK_PAUSE_S * 5) for name in crowd.HOSTILE]


def _url(up: RunningStack, name: str, what: str) -> str:
    return f"{up.url}/plugins/{name}/{what}"


def _runs_when_settled(up: RunningStack) -> list[tuple[str, str, int]]:
    """Return the runs once the good plugin's are all over, or after patience has ended."""
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        rows: list[tuple[str, str, int]] = [
            tuple(row) for row in json.loads(up.shop.manage("shell", "-v0", "-c", _RUNS))
        ]
        waiting = any(name == crowd.GOOD and status != "finished" for name, status, _ in rows)
        if not waiting or time.monotonic() > give_up_at:
            return rows
        time.sleep(SETTLE_S)


class _MemoryReader(AbstractContextManager["_MemoryReader"]):
    """Reads the memory of the stack's Python processes on a thread while its block runs."""

    def __init__(self, up: RunningStack, pause_s: float) -> None:
        self.readings: list[int] = []
        self._up = up
        self._pause_s = pause_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="memory")

    def __enter__(self) -> _MemoryReader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._over.wait(self._pause_s):
            self.readings.append(memory_bytes(processes(self._up.children)))


def growth_bytes(readings: Sequence[int]) -> int:
    """Return how much the median of the last third is above that of the second, when all had warmed up."""
    third = len(readings) // 3
    middle, last = sorted(readings[third : 2 * third]), sorted(readings[2 * third :])
    return last[len(last) // 2] - middle[len(middle) // 2]
