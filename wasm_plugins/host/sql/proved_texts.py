"""Remembers statements that were proved lately: a plugin runs the same few again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...scopes.tables import Operation, TableGrant
from .engine import SqlLimits
from .errors import SqlRefused
from .postgresql_nodes import Proved
from .postgresql_proof import prove
from .postgresql_text import Relation, to_text
from .postgresql_words import PATTERN_BYTES
from .remembered import Remembered


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
        self._proved: Final = Remembered[ProvedText]()
        self._written: Final = Remembered[str]()

    def proved(self, sql: str, params: int, grant: TableGrant, limits: SqlLimits) -> ProvedText:
        """Prove a statement, or remember that it was.

        Raises:
            SqlRefused: It is not provably harmless. That is not remembered.
        """
        key = (sql, params, frozenset(grant.tables.items()), limits)
        return self._proved.get(key, lambda: _without_tree(prove(sql, params, grant, limits), sql))

    def written(
        self, proved: ProvedText, relations: Mapping[str, Relation], params: int, grant: TableGrant, limits: SqlLimits
    ) -> str:
        """Write a proved statement anew for tables as they are now, or remember how that was done.

        Raises:
            SqlRefused: A table or column is not there, or the text would not be the same statement.
        """
        key = (proved, params, frozenset(relations.items()))
        return self._written.get(key, lambda: to_text(prove(proved.sql, params, grant, limits), relations))


def _without_tree(proved: Proved, sql: str) -> ProvedText:
    return ProvedText(sql, frozenset(proved.tables), proved.operation, proved.returns_rows, frozenset(proved.patterns))
