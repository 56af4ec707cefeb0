"""Hammers one component from eight threads with failing host functions; a program, so that a crash is seen as one.

Prints one JSON line for each round: in the parent, in a forked child, and in the parent again after the fork.
"""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import sys
import threading
from pathlib import Path
from typing import Any, cast

from tests.runtime.components import VOID_CALLER, linked
from wasm_plugins.exceptions import PluginTrapped
from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.state import CallState

THREADS = 8
LIMITS = Limits(deadline_ms=60_000)
FAILURES: tuple[type[BaseException], ...] = (ValueError, LookupError, SystemExit, KeyboardInterrupt, PluginTrapped)


def note(state: CallState, _number: int) -> None:
    """Count the call; raise what the call came with, if anything."""
    ticket = cast(dict[str, Any], state.host)
    ticket["answered"] += 1
    if ticket["failure"] is not None:
        raise ticket["failure"]


def one_call(component: Any, dice: random.Random, counts: dict[str, int]) -> None:
    """Call once, a third of the time with a host function that raises, and count how it came out."""
    failure: BaseException | None = None
    if dice.random() < 1 / 3:
        kind = dice.choice(FAILURES)
        failure = kind("x", export="run") if kind is PluginTrapped else kind("x")
    ticket = {"failure": failure, "answered": 0}
    try:
        sandbox.call(component, "run", [2], host=ticket, limits=LIMITS)
    except BaseException as caught:
        key = "raised" if caught is failure else "foreign"
    else:
        key = "answered" if failure is None else "lost"
    counts[key] += 1
    if ticket["answered"] != (2 if failure is None else 1):
        counts["miscounted"] += 1


def play(component: Any, calls: int) -> dict[str, int]:
    """Make the calls on all threads at once and return the sums."""
    counts = [dict.fromkeys(("answered", "raised", "foreign", "lost", "miscounted"), 0) for _ in range(THREADS)]

    def work(number: int) -> None:
        dice = random.Random(number)
        for _ in range(calls // THREADS):
            one_call(component, dice, counts[number])

    threads = [threading.Thread(target=work, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {key: sum(each[key] for each in counts) for key in counts[0]}


def resident_bytes() -> int:
    """Return what this process holds in memory after a collection."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def report(round_name: str, component: Any, calls: int) -> None:
    """Play a round and print its sums and how much the memory grew."""
    play(component, calls // 20)
    before = resident_bytes()
    sums: dict[str, Any] = {"round": round_name, **play(component, calls)}
    print(json.dumps({**sums, "grown_bytes": resident_bytes() - before}), flush=True)  # noqa: T201


def main(calls: int) -> int:
    """Play the three rounds; return the child's exit status."""
    component = linked(VOID_CALLER, {"note": note})
    play(component, calls)  # until the allocator's own pools are full, which looks like growth and is none
    report("before", component, calls)
    if (child := os.fork()) == 0:
        report("child", component, calls)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    report("after", component, calls)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
