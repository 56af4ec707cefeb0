"""Remembers statements that were proved lately: a plugin runs the same few again and again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .engine import SqlLimits
from .errors import SqlRefused
from .grants import Operation, TableGrant
from .postgresql_proof import prove
from .postgresql_text import Relation, to_text
from .postgresql_words import PATTERN_BYTES

MOST_REMEMBERED: Final = 256
"""Statements; each is at most some 100 kB."""


@dataclass(frozen=True, slots=True)
class ProvedText:
    """A statement that was proved, without its tree, which is large."""

    sql: str
    tables: frozenset[str]
    operation: Operation
    returns_rows: bool
    patterns: frozenset[int]
    """Numbers of the parameters that are patterns of LIKE."""

    def check_patterns(self, params: Sequence[object]) -> None:
        """Refuse a pattern that is long.

        Raises:
            SqlRefused: A parameter that is a pattern has more bytes than a pattern may.
        """
        for number in sorted(self.patterns):
            size = len(str(params[number - 1]).encode())
            if size > PATTERN_BYTES:
                raise SqlRefused(f"${number} is a pattern of {size} bytes; at most {PATTERN_BYTES} are allowed")


class ProvedTexts:
    """What proof and rewriting answered, by all that they look at; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[Hashable, object] = OrderedDict()

    def proved(self, sql: str, params: int, grant: TableGrant, limits: SqlLimits) -> ProvedText:
        """Prove a statement, or remember that it was.

        Raises:
            SqlRefused: It is not provably harmless. That is not remembered.
        """
        key = (sql, params, frozenset(grant.tables.items()), limits)
        found = self._get(key)
        if not isinstance(found, ProvedText):
            proved = prove(sql, params, grant, limits)
            found = ProvedText(
                sql, frozenset(proved.tables), proved.operation, proved.returns_rows, frozenset(proved.patterns)
            )
            self._put(key, found)
        return found

    def written(
        self, proved: ProvedText, relations: Mapping[str, Relation], params: int, grant: TableGrant, limits: SqlLimits
    ) -> str:
        """Write a proved statement anew for tables as they are now, or remember how that was done.

        Raises:
            SqlRefused: A table or column is not there, or the text would not be the same statement.
        """
        key = (proved, params, frozenset(relations.items()))
        found = self._get(key)
        if not isinstance(found, str):
            found = to_text(prove(proved.sql, params, grant, limits), relations)
            self._put(key, found)
        return found

    def _get(self, key: Hashable) -> object:
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
            return self._found.get(key)

    def _put(self, key: Hashable, value: object) -> None:
        with self._lock:
            self._found[key] = value
            while len(self._found) > 2 * MOST_REMEMBERED:
                self._found.popitem(last=False)
