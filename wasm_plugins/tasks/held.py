"""Which attempt the work horse of this worker holds: written after the fork, read by the parent when it is dead.

A process that is killed runs no ``finally``; but its parent knows that it is dead, and may give back what it held at
once, instead of when its lease is over.
"""

from __future__ import annotations

import mmap
import struct
from typing import Final

_NUMBER: Final = struct.Struct("<q")
_shared: Final = mmap.mmap(-1, _NUMBER.size)  # shared with every process that is forked from this one


def note(attempt: int) -> None:
    """Say that this process holds a run in its nth attempt."""
    _NUMBER.pack_into(_shared, 0, attempt)


def forget() -> None:
    """Say that it holds none."""
    note(0)


def attempt() -> int:
    """Return the number of the attempt that is held, or 0."""
    (number,) = _NUMBER.unpack_from(_shared, 0)
    return int(number)
