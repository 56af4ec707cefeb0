"""Threads, open files and child processes of this process, counted before a hostile test and compared after it."""

from __future__ import annotations

import gc
import os
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FD_TOLERANCE: Final = 64
"""Files that may stay open: connections that are kept for the next test, and one for each component in memory."""

TOLERANCE_BYTES: Final = 400 * 1024 * 1024
"""What caches, compiled code and the allocator may keep; a leak of a bomb's size is above it."""

_PATIENCE_S: Final = 15.0
_OURS: Final = ("wasm-plugins-",)
"""Prefixes of the threads that a process of this app keeps for as long as it lives."""


@dataclass(frozen=True)
class ProcessState:
    """What a process holds."""

    threads: Counter[str]
    open_files: int
    children: frozenset[int]
    private_bytes: int


def take() -> ProcessState:
    """Return what this process holds now."""
    tasks = Path("/proc/self/task").iterdir()
    children = {int(pid) for task in tasks for pid in _children(task)}
    return ProcessState(
        threads=Counter(thread.name for thread in threading.enumerate() if not thread.name.startswith(_OURS)),
        open_files=len(os.listdir("/proc/self/fd")),
        children=frozenset(children),
        private_bytes=_private_bytes(),
    )


def check(before: ProcessState) -> None:
    """Fail where something was left; what is just ending gets a few seconds."""
    give_up_at = time.monotonic() + _PATIENCE_S
    while problems := _problems(before, take()):
        if time.monotonic() > give_up_at:
            raise AssertionError(f"the test left something behind: {'; '.join(problems)}")
        gc.collect()  # only now: with all of Django in memory it takes long
        time.sleep(0.05)


def _problems(before: ProcessState, after: ProcessState) -> list[str]:
    found = []
    if more := after.threads - before.threads:
        found.append(f"threads {sorted(more)}")
    if after.open_files > before.open_files + FD_TOLERANCE:
        found.append(f"{after.open_files} open files, {before.open_files} before")
    if more_children := after.children - before.children:
        found.append(f"child processes {sorted(more_children)}")
    if after.private_bytes > before.private_bytes + TOLERANCE_BYTES:
        found.append(f"{after.private_bytes} bytes of memory, {before.private_bytes} before")
    return found


def _private_bytes() -> int:
    """Return what this process has of its own, swapped out or not: pages of files come and go as the kernel likes."""
    status = Path("/proc/self/status").read_text()
    return sum(int(found) * 1024 for found in re.findall(r"^(?:RssAnon|VmSwap):\s+(\d+) kB", status, re.MULTILINE))


def _children(task: Path) -> list[str]:
    try:
        return (task / "children").read_text().split()
    except FileNotFoundError:  # the thread has ended
        return []
