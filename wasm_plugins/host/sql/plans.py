"""Which statements PostgreSQL keeps a plan of, connection by connection: planning is most of what a small one costs."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from typing import Any, Final
from weakref import WeakKeyDictionary

MOST_KEPT: Final = 100
"""Plans on one connection; one was seen to take at most some 400 KiB of the server's memory. It is psycopg's number."""

OFTEN: Final = 5
"""How often a statement comes before it is worth a plan; psycopg's own default."""

PlanKey = tuple[bytes, tuple[int, ...]]
"""A statement and the types of its parameters."""


class Plans:
    """The plans that one connection's server keeps for us, by names of our own.

    psycopg keeps plans too, but believes that one is there whose making failed, and leaves one on the server, unknown
    to itself, whose use failed.
    """

    def __init__(self) -> None:
        """Know of none yet."""
        self._names: Final[OrderedDict[PlanKey, bytes]] = OrderedDict()
        self._times: Final[OrderedDict[int, int]] = OrderedDict()
        self._unwanted: Final[list[bytes]] = []
        self._numbers: Final = itertools.count(1)
        self.is_direct: bool | None = None
        """Whether the server itself answers; ``None`` as long as it was not asked.

        A pooler may give each transaction another server. It answers a login with a process number of its own, so the
        server's number says whether there is one in between.
        """

    def comes_often(self, text: str) -> bool:
        """Count a statement, and tell whether it has come back often."""
        key = hash(text)
        times = self._times[key] = self._times.pop(key, 0) + 1
        if len(self._times) > MOST_KEPT:
            self._times.popitem(last=False)
        return times > OFTEN

    def name_of(self, key: PlanKey) -> bytes | None:
        """Return the name of a plan that is there, and note that it was used."""
        if (name := self._names.get(key)) is not None:
            self._names.move_to_end(key)
        return name

    def new_name(self) -> bytes:
        """Return a name that this connection never had."""
        return b"wasm_plugins_%d" % next(self._numbers)

    def add(self, key: PlanKey, name: bytes) -> None:
        """Note that the server has made a plan."""
        self._names[key] = name

    def give_up(self, key: PlanKey) -> None:
        """Have a plan made anew whose use failed: it may be one for types that are gone."""
        if (name := self._names.pop(key, None)) is not None:
            self._unwanted.append(name)

    @property
    def unwanted(self) -> tuple[bytes, ...]:
        """Names of what the server shall drop, with what was not used for longest beyond the most."""
        while len(self._names) > MOST_KEPT:
            self._unwanted.append(self._names.popitem(last=False)[1])
        return tuple(self._unwanted)

    def drop(self, name: bytes) -> None:
        """Note that the server has dropped one."""
        if name in self._unwanted:
            self._unwanted.remove(name)

    def forget(self) -> None:
        """Know of none any more, because the host had the server discard them."""
        self._names.clear()
        self._unwanted.clear()


_plans: Final[WeakKeyDictionary[Any, Plans]] = WeakKeyDictionary()


def plans_of(raw: Any) -> Plans:
    """Return the plans of psycopg's connection."""
    if (found := _plans.get(raw)) is None:
        found = _plans[raw] = Plans()  # which must not hold the connection: it would hold itself
    return found
