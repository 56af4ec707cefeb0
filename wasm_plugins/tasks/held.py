"""Which attempt of which run the work horse of this worker holds, for the parent to read when the horse is dead.

A process that is killed runs no ``finally``; but its parent knows that it is dead, and may give back what it held at
once, instead of when its lease is over.
"""

from __future__ import annotations

import mmap
import struct
import uuid
from typing import Final

_RECORD: Final = struct.Struct("<16sq")
_shared = mmap.mmap(-1, _RECORD.size)  # shared with every process that is forked from this one


def begin() -> None:
    """Share with nobody but what is forked from here on: workers of one pool have a parent in common."""
    global _shared
    _shared = mmap.mmap(-1, _RECORD.size)


def note(run_id: uuid.UUID, attempt: int) -> None:
    """Say that this process holds a run in its nth attempt."""
    _RECORD.pack_into(_shared, 0, run_id.bytes, attempt)


def forget() -> None:
    """Say that it holds none."""
    note(uuid.UUID(int=0), 0)


def attempt_of(run_id: str) -> int:
    """Return the number of the attempt in which a run is held, or 0."""
    held, attempt = _RECORD.unpack_from(_shared, 0)
    return int(attempt) if str(uuid.UUID(bytes=held)) == run_id else 0
