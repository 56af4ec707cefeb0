"""What a PostgreSQL connection was found to be like before a statement, to be expected before the next one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from weakref import WeakKeyDictionary

from .postgresql_text import Relation

_MOST_KNOWN: Final = 100
_MOST_MISSES: Final = 3
_known: WeakKeyDictionary[Any, OrderedDict[object, Known]] = WeakKeyDictionary()


class NotKnown(Exception):
    """What was expected is not so, or not enough of it is known; nothing was done that was not undone."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the server said of a connection, and what follows from that."""

    found: str | None
    """The tables that a statement names, as the server wrote them."""

    relations: Mapping[str, Relation]
    """The same, read."""

    function_right: str | None
    """Whether the host may call the plugin's function; ``None`` where there is none."""

    statement_timeout: str
    lock_timeout: str

    misses: int = 0
    """How often it was not as expected."""

    @property
    def has_runner(self) -> bool:
        """Whether the plugin has a function to run statements in."""
        return self.function_right is not None


def known_of(raw: Any, key: object) -> Known | None:
    """Return what was found the last time on this connection, if it was asked for lately.

    Args:
        raw: The driver's connection.
        key: What was asked for: tables and function.

    Returns:
        ``None`` also where it was found to be otherwise so often that asking first is cheaper.
    """
    of_connection = _known.get(raw)
    if of_connection is None or key not in of_connection:
        return None
    of_connection.move_to_end(key)
    known = of_connection[key]
    return known if known.misses < _MOST_MISSES else None


def note_miss(raw: Any, key: object) -> None:
    """Count that it was not as expected. Each time costs a trip, and an error in the server's log."""
    of_connection = _known[raw]
    of_connection[key] = replace(of_connection[key], misses=of_connection[key].misses + 1)


def remember(raw: Any, key: object, known: Known) -> None:
    """Expect this the next time, until it is found to be otherwise."""
    of_connection = _known.setdefault(raw, OrderedDict())
    before = of_connection.get(key)
    if before is not None and replace(before, misses=0) != known:  # else it has come to rest
        known = replace(known, misses=before.misses)
    of_connection[key] = known
    of_connection.move_to_end(key)
    if len(of_connection) > _MOST_KNOWN:
        of_connection.popitem(last=False)
