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
from .postgresql_params import spell, with_types
from .postgresql_text import Relation, measured
from .runner import call_text
from .trip import Kept, Trip

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
        """Spell the parameters; nothing is asked or run.

        Args:
            connection: Django's connection.
            text: The statement, proved.
            params: Its parameters.
            role: The plugin's role, if it goes through the function of that name.
            relations: The tables that it names.
            may_ask: Whether the server may be asked for the types of parameters.
        """
        self.cursor: Final = _cursor(connection.connection)
        """What reads and writes values, and can ask the server."""

        self._sent: Sent
        self._role: Final = role
        self._text: Final = text
        self._params: Final = params
        self._relations: Final = relations
        self._may_ask: Final = may_ask
        self._spelled: Final = None if role is None else spell(self.cursor, params)

    @property
    def changed(self) -> int:
        """How many rows it changed."""
        if self._role is None:
            return self._sent.changed
        ((changed, _, _, _),) = self._sent.rows()  # the function returns one
        return int(changed)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return its rows, with their number and size."""
        return self._sent.rows()

    def execute(self, trip: Trip) -> None:
        """Have a trip run it; it returns no rows.

        Raises:
            NotKnown: The server has to be asked for types, and may not be.
        """
        if self._role is None:
            self._sent = self._run(trip, self._text, binary=False)
        else:
            self._sent = self._pass(trip, self._role, returns_rows=False)

    def query(self, limits: SqlLimits, trip: Trip) -> None:
        """Have a trip run it measured; it returns rows.

        Raises:
            NotKnown: As above.
        """
        if self._role is None:
            self._sent = self._run(trip, measured(self._text, limits), binary=True)
            return
        assert self._spelled is not None
        kept = trip.keep(self._marked(measured(self._text, limits)), self._spelled.oids) if self._is_small() else None
        if kept is None:
            self._sent = self._pass(trip, self._role, returns_rows=True, limits=limits)
        else:
            self._sent = self._call(trip, self._role, [self._spelled.execution(kept.name), [], True], kept)

    def _run(self, trip: Trip, text: str, *, binary: bool) -> Sent:
        is_small = self._is_small()
        marked = self._marked(text) if is_small else text
        return trip.add(marked, self._params, keeps=None if is_small else False, binary=binary, context=self.cursor)

    def _is_small(self) -> bool:
        # Views and sub-selects are merged into what is around them, and a short text can become a plan of megabytes.
        is_short = len(self._text.encode()) <= KEPT_BYTES and self._text.upper().count("SELECT") <= 1
        return is_short and all(relation.is_plain for relation in self._relations.values())

    def _marked(self, text: str) -> str:
        # A prepared statement keeps the types that it found for its parameters: of a table that changed, it is another.
        return f"{text}\n-- {hash(frozenset(self._relations.items())):x}"

    def _pass(self, trip: Trip, role: str, *, returns_rows: bool, limits: SqlLimits | None = None) -> Sent:
        """Pass the text to the function, which has it planned each time."""
        assert self._spelled is not None
        text = with_types(self.cursor, self._text, self._spelled, self._relations, may_ask=self._may_ask)
        text = text if limits is None else measured(text, limits)
        return self._call(trip, role, [text, self._spelled.values, returns_rows])

    def _call(self, trip: Trip, role: str, arguments: Sequence[object], kept: Kept | None = None) -> Sent:
        return trip.add(call_text(role), arguments, binary=True, context=self.cursor, inside=kept)


def _cursor(raw: Any) -> RawCursor[Any]:
    cursor = RawCursor(raw)
    # For this cursor only. An int would else be as small as its value allows, and $1 + $2 could overflow a smallint.
    cursor.adapters.register_dumper(int, Int8Dumper)
    register_loaders(cursor)
    return cursor
