"""One proved statement on its way to PostgreSQL: by itself, or through the plugin's function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import RawCursor
from psycopg.types.numeric import Int8Dumper

from .engine import SqlLimits
from .pipeline import Sent
from .postgresql_answer import register_loaders
from .postgresql_params import pass_as_text
from .postgresql_text import Relation, counted, measured, shaped
from .runner import MEASURING, call_text
from .trip import Trip

KEPT_BYTES: Final = 512
"""Longest statement whose plan is kept: up to there a plan was seen to take at most some 400 KiB of the server's
memory."""


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
        """What reads and writes values, and can ask the server."""

        self._sent: Sent
        self._role: Final = role
        self._text: Final = text
        self._params: Final = params
        # A prepared statement keeps the types that it found for its parameters: of a table that changed, it is another.
        self._mark: Final = f"\n-- {hash(frozenset(relations.items())):x}"
        self._is_plain: Final = all(relation.is_plain for relation in relations.values())
        self._passed: Final = (
            None if role is None else pass_as_text(self.cursor, text, params, relations, may_ask=may_ask)
        )

    @property
    def changed(self) -> int:
        """How many rows it changed."""
        if self._passed is None:
            return self._sent.changed
        ((changed, _, _, _),) = self._sent.rows()  # the function returns one
        return int(changed)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return its rows, with their number and size."""
        return self._sent.rows()

    def execute(self, trip: Trip) -> None:
        """Have a trip run it; it returns no rows."""
        if self._passed is None:
            self._sent = self._run(trip, self._text, binary=False)
        else:
            self._sent = self._call(trip, counted(self._passed.text))

    def query(self, limits: SqlLimits, is_select: bool, trip: Trip) -> None:
        """Have a trip run it measured; it returns rows."""
        if self._passed is None:
            self._sent = self._run(trip, MEASURING + measured(self._text, limits), binary=True)
        elif is_select:
            self._sent = self._call(trip, self._passed.text, shaped(self._passed.text, limits), limits)
        else:
            self._sent = self._call(trip, None, measured(self._passed.text, limits), limits)

    def _run(self, trip: Trip, text: str, *, binary: bool) -> Sent:
        is_small = self._is_small()
        marked = text + self._mark if is_small else text
        return trip.add(marked, self._params, keeps=None if is_small else False, binary=binary, context=self.cursor)

    def _is_small(self) -> bool:
        # Views and sub-selects are merged into what is around them, and a short text can become a plan of megabytes.
        is_short = len(self._text.encode()) <= KEPT_BYTES and self._text.upper().count("SELECT") <= 1
        return is_short and self._is_plain

    def _call(
        self, trip: Trip, text: str | None, measuring: str | None = None, limits: SqlLimits | None = None
    ) -> Sent:
        assert self._passed is not None and self._role is not None
        most = (None, None) if limits is None else (limits.rows, limits.result_bytes)
        arguments = [text, self._passed.values, *most, measuring]
        return trip.add(call_text(self._role), arguments, binary=True, context=self.cursor)


def _cursor(raw: Any) -> RawCursor[Any]:
    cursor = RawCursor(raw)
    # For this cursor only. An int would else be as small as its value allows, and $1 + $2 could overflow a smallint.
    cursor.adapters.register_dumper(int, Int8Dumper)
    register_loaders(cursor)
    return cursor
