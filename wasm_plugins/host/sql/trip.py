"""Statements that travel to PostgreSQL together, so that their answers are waited for once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import IsolationLevel, errors
from psycopg.abc import AdaptContext
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import Format, TransactionStatus

from .pipeline import Sent, exchange
from .plans import OFTEN, PlanKey, plans_of

_FOUND: Final = 0
"""The type of a parameter for which the server is to find one."""


@dataclass(frozen=True, slots=True)
class _Written:
    """Parameters as they travel."""

    values: Sequence[Any]
    types: tuple[int, ...]
    """Numbers of their types."""

    formats: Sequence[int] | None = None


class Trip:
    """Some statements for one connection of psycopg's, whose encoding is UTF-8."""

    def __init__(self, raw: Any, options: Mapping[str, Any]) -> None:
        """Begin with none.

        Args:
            raw: The connection.
            options: ``OPTIONS`` of the database.
        """
        self._raw: Final = raw
        self._options: Final = options
        self._plans: Final = plans_of(raw)
        self._sent: Final[list[Sent]] = []
        self._made: Final[list[tuple[Sent, PlanKey, bytes]]] = []
        self._using: Final[list[tuple[Sent, PlanKey]]] = []
        self._dropped: Final[list[tuple[Sent, bytes]]] = []
        self._asked: Sent | None = None
        self._login_pid = 0

    def add_command(self, text: str) -> Sent:
        """Add a statement without parameters, of which no plan is kept."""
        self._sent.append(sent := self._command(text))
        return sent

    def drop_unwanted(self) -> None:
        """Have the server drop plans that nobody wants; behind a savepoint, for the host may have had it drop them."""
        for name in self._plans.unwanted:
            self._dropped.append((self.add_command(f"DEALLOCATE {name.decode()}"), name))

    def add(
        self,
        text: str,
        params: Sequence[object],
        *,
        keeps: bool | None = True,
        binary: bool = False,
        context: AdaptContext | None = None,
    ) -> Sent:
        """Add a statement.

        Args:
            text: The statement, with ``$1`` for its first parameter.
            params: Its parameters.
            keeps: Whether the server shall keep a plan of it, where it may; ``None`` once it has come often.
            binary: Whether the answer comes as the server's own bytes instead of text.
            context: How values are written and read, if not as the connection does.

        Raises:
            psycopg.Error: A parameter cannot be written.
        """
        writer = Transformer(context or self._raw)
        values = writer.dump_sequence(params, [PyFormat.AUTO] * len(params))
        written = _Written(values, tuple(writer.types or ()), writer.formats)
        return self._add_written(text, written, keeps, binary, context or self._raw)

    def add_spelled(self, text: str, params: Sequence[bytes | None]) -> Sent:
        """Add a statement that says itself of which types its parameters are, which come as PostgreSQL spells them."""
        return self._add_written(text, _Written(params, (_FOUND,) * len(params)), True, False, self._raw)

    def _add_written(
        self, text: str, written: _Written, keeps: bool | None, binary: bool, context: AdaptContext
    ) -> Sent:
        query, answers = text.encode(), Format.BINARY if binary else Format.TEXT
        values, types, formats = written.values, written.types, written.formats
        if not (self._may_keep() and self._is_worth_it(text, keeps)):
            return self._add(lambda server: server.send_query_params(query, values, types, formats, answers), context)
        name = self._plans.name_of(key := (query, types))
        if name is None:
            name = self._plans.new_name()
            self._made.append((self._add(lambda server: server.send_prepare(name, query, types), context), key, name))
        sent = self._add(lambda server: server.send_query_prepared(name, values, formats, answers), context)
        self._using.append((sent, key))
        return sent

    def go(self) -> None:
        """Send all of it, and wait for all answers. What follows a statement that fails is not run.

        Raises:
            psycopg.Error: What the server answered to the first one that failed, or that the connection was lost.
        """
        status = self._raw.info.transaction_status
        if status == TransactionStatus.IDLE and not self._raw.autocommit:
            self._sent.insert(0, self._command(_begin_text(self._raw)))
        with self._raw.lock:
            try:
                lost = exchange(self._raw, self._sent)
            finally:
                self._note_plans()
        self._check()
        if lost is None and not all(sent.is_run for sent in self._sent):
            lost = psycopg.OperationalError("the server did not answer all that it was sent")
        if lost is not None:
            raise lost

    def _check(self) -> None:
        try:
            for sent in self._sent:
                sent.check()
        except errors.InvalidSqlStatementName:
            self._plans.forget()
            raise

    def _may_keep(self) -> bool:
        """Tell whether plans may be kept; the first trip of a connection asks on its way.

        Django turns preparing off because there may be a pooler. Where the project itself says
        ``"prepare_threshold": None``, none is kept.
        """
        if self._options.get("prepare_threshold", OFTEN) is None:
            return False
        if self._plans.is_direct is None and self._asked is None:
            self._login_pid = self._raw.info.backend_pid
            self._asked = self.add_command("SELECT pg_catalog.pg_backend_pid()")
        return bool(self._plans.is_direct)

    def _note_plans(self) -> None:
        for made, key, name in self._made:
            if made.is_run:
                self._plans.add(key, name)
        for sent, key in self._using:
            if sent.has_failed:
                self._plans.give_up(key)
        for sent, name in self._dropped:
            if sent.is_run:
                self._plans.drop(name)
        if self._asked is not None and self._asked.is_run:
            self._plans.is_direct = int(self._asked.first(0) or 0) == self._login_pid

    def _is_worth_it(self, text: str, keeps: bool | None) -> bool:
        return self._plans.comes_often(text) if keeps is None else keeps

    def _command(self, text: str) -> Sent:
        query = text.encode()
        return Sent(lambda server: server.send_query_params(query, None), self._raw)

    def _add(self, send: Callable[[Any], None], context: AdaptContext) -> Sent:
        sent = Sent(send, context)
        self._sent.append(sent)
        return sent


def _begin_text(raw: Any) -> str:
    """Begin a transaction as psycopg would."""
    words = ["BEGIN"]
    if raw.isolation_level is not None:
        words.append(f"ISOLATION LEVEL {IsolationLevel(raw.isolation_level).name.replace('_', ' ')}")
    if raw.read_only is not None:
        words.append("READ ONLY" if raw.read_only else "READ WRITE")
    if raw.deferrable is not None:
        words.append("DEFERRABLE" if raw.deferrable else "NOT DEFERRABLE")
    return " ".join(words)
