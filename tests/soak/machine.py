"""How steady the machine itself is: how long one computation takes again and again while nothing of ours runs.

A rented machine shares its processors with others'. Whoever computes on the other half of a core makes everything here
take up to twice as long, for moments or minutes, and no figure of a soak can be steadier than that.
"""

from __future__ import annotations

import json
import statistics
import time
from typing import Final

WARM_UP: Final = 50
LAPS: Final = 3_000
DATA: Final = [{"name": f"plugin {number}", "limits": [number, number / 7], "note": None} for number in range(300)]


def unsteadiness() -> tuple[float, float]:
    """Return how many times longer than its fastest lap a computation takes, at the 95th percentile and at most.

    Blocks for some seconds.
    """
    for _ in range(WARM_UP):
        _lap_s()
    laps = [_lap_s() for _ in range(LAPS)]
    return statistics.quantiles(laps, n=20)[-1] / min(laps), max(laps) / min(laps)


def _lap_s() -> float:
    started = time.perf_counter()
    json.loads(json.dumps(DATA))
    return time.perf_counter() - started
