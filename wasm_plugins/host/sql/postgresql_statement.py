"""One proved statement on its way to PostgreSQL: by itself, or through the plugin's function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import RawCursor
from psycopg.rows import tuple_row
from psycopg.types.numeric import Int8Dumper

from .engine import SqlLimits
from .postgresql_answer import register_loaders
from .postgresql_params import pass_as_text
from .postgresql_text import Relation, measured
from .preparing import execute_kept
from .runner import call_text

KEPT_BYTES: Final = 512
"""Longest statement whose plan is kept. Up to there a plan was seen to take at most some 400 KiB of the server's
memory, and the driver keeps 100 on a connection."""


class Statement:
    """What is run, and the cursor that has its answer."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        text: str,
        params: Sequence[object],
        role: str | None,
        relations: Mapping[str, Relation],
        *,
        may_ask: bool,
    ) -> None:
        """Spell the parameters, for which the server is asked if it may be; nothing is run.

        Raises:
            NotKnown: It has to be asked, and may not be.
        """
        self.cursor: Final = _cursor(connection.connection)
        self._options: Final = connection.settings_dict["OPTIONS"]
        self._role: Final = role
        self._text: Final = text
        self._params: Final = params
        # A prepared statement keeps the types that it found for its parameters: of a table that changed, it is another.
        self._mark: Final = f"\n-- {hash(frozenset(relations.items())):x}"
        self._is_plain: Final = all(relation.is_plain for relation in relations.values())
        self._passed: Final = (
            None if role is None else pass_as_text(self.cursor, text, params, relations, may_ask=may_ask)
        )

    def execute(self) -> None:
        """Run it; it returns no rows."""
        if self._passed is None:
            self._run(self._text, binary=False)
        else:
            self._call(self._passed.text, returns_rows=False)

    @property
    def changed(self) -> int:
        """How many rows it changed."""
        if self._passed is None:
            return self.cursor.rowcount
        row = self.cursor.fetchone()
        assert row is not None  # the function returns one
        return int(row[0])

    def query(self, limits: SqlLimits) -> None:
        """Run it measured; it returns rows."""
        if self._passed is None:
            self._run(measured(self._text, limits), binary=True)
        else:
            self._call(measured(self._passed.text, limits), returns_rows=True)

    def _run(self, text: str, *, binary: bool) -> None:
        if self._is_small():
            execute_kept(self.cursor, text + self._mark, self._params, self._options, at_once=False, binary=binary)
        else:
            self.cursor.execute(text, self._params, prepare=False, binary=binary)

    def _is_small(self) -> bool:
        # Views and sub-selects are merged into what is around them, and a short text can become a plan of megabytes.
        is_short = len(self._text.encode()) <= KEPT_BYTES and self._text.upper().count("SELECT") <= 1
        return is_short and self._is_plain

    def _call(self, text: str, *, returns_rows: bool) -> None:
        assert self._passed is not None and self._role is not None
        arguments = [text, self._passed.values, returns_rows]
        execute_kept(self.cursor, call_text(self._role), arguments, self._options, binary=True)


def _cursor(raw: Any) -> RawCursor[Any]:
    cursor = RawCursor(raw, row_factory=tuple_row)
    # For this cursor only. An int would else be as small as its value allows, and $1 + $2 could overflow a smallint.
    cursor.adapters.register_dumper(int, Int8Dumper)
    register_loaders(cursor)
    return cursor
