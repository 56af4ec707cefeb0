"""Keeps the answers that were asked for last, by what they were asked of; safe to use from any thread."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

Answer = TypeVar("Answer")

MOST_REMEMBERED: Final = 256
"""Answers; what is remembered of one statement is at most some 100 kB, its parse tree not among it."""


class Remembered(Generic[Answer]):
    """At most so many answers; whichever was not asked for the longest is forgotten first."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most: Final = most
        self._lock = threading.Lock()
        self._found: OrderedDict[Hashable, Answer] = OrderedDict()

    def get(self, key: Hashable, find: Callable[[], Answer]) -> Answer:
        """Return what is remembered of a key, or else what ``find`` returns; what it raises is not remembered."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        found = find()
        with self._lock:
            self._found[key] = found
            while len(self._found) > self._most:
                self._found.popitem(last=False)
        return found
