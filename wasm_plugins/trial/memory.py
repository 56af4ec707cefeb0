"""How much memory a call needs: the least limit under which it still goes well.

The engine does not tell what a call used, so the call is made again under half the limit, and half of that, until it
fails. What it needs lies between the last two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ..snapshot import ActivePlugin
from ..tuning import LIMITS

MOST_CALLS: Final = 12
MEMORY: Final = "memory_bytes"
_SILENT: Final = {"log_lines": 0}
"""What the plugin writes was passed on at the first call."""


def least_memory(active: ActivePlugin, call: Callable[[ActivePlugin], bool]) -> tuple[int, int]:
    """Return the last limit that was enough, in halves of the plugin's own, and that one; both in bytes.

    Args:
        active: The version, which went well under its own limit.
        call: Makes the call once more with what it may do in it, undoes it, and tells whether it went well.
    """
    limit = active.limits.get(MEMORY, LIMITS[MEMORY].default)
    enough = limit
    for _ in range(MOST_CALLS):
        less = enough // 2
        if less < LIMITS[MEMORY].least or not call(replace(active, limits={**active.limits, **_SILENT, MEMORY: less})):
            break
        enough = less
    return enough, limit
