"""What the machine itself makes of a busy neighbour: how much longer a computation takes that shares nothing with it.

Processors of a rented machine are often two threads of one core. Each then computes more slowly while the other is
busy, whatever runs there and whatever its priority, which no figure of a soak can be better than.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import Final

TRIES: Final = 7
LAPS: Final = 300
SETTLE_S: Final = 0.5
DATA: Final = [{"name": f"plugin {number}", "limits": [number, number / 7], "note": None} for number in range(300)]
_COMPUTE: Final = (
    sys.executable,
    "-c",
    "import json\ndata = [{'name': str(number)} for number in range(300)]\nwhile True: json.loads(json.dumps(data))",
)


def slowdown() -> float:
    """Return how many times longer a computation takes while all other processors compute; the median of some tries.

    Blocks for some seconds.
    """
    return statistics.median(_slowdown_once() for _ in range(TRIES))


def _slowdown_once() -> float:
    alone = _median_ms()
    with ExitStack() as ending:
        for _ in range((os.cpu_count() or 1) - 1):
            neighbour = ending.enter_context(subprocess.Popen(_COMPUTE))
            ending.callback(neighbour.kill)
        time.sleep(SETTLE_S)
        return _median_ms() / alone


def _median_ms() -> float:
    return statistics.median(_lap_ms() for _ in range(LAPS))


def _lap_ms() -> float:
    started = time.perf_counter()
    json.loads(json.dumps(DATA))
    return (time.perf_counter() - started) * 1000
