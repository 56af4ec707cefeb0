"""Statements that travel to PostgreSQL together, so that their answers are waited for once.

libpq has pipeline mode for this, since version 14. psycopg's use of it waits and writes for each statement by itself,
which takes three times as long for five small ones (0.41 against 0.12 ms); so libpq is used as psycopg wraps it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import psycopg
from psycopg import IsolationLevel, Pipeline, errors
from psycopg.abc import AdaptContext
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, Format, PipelineStatus, TransactionStatus
from psycopg.waiting import Ready, Wait

from .plans import OFTEN, plans_of

_ANSWERED: Final = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
_CANCEL_S: Final = 2.0
_READABLE: Final = (Ready.R, Ready.RW)
_Waiting = Generator[Wait, Ready, None]


class Sent:
    """One statement of a trip, and what the server answered."""

    def __init__(self, send: Callable[[Any], None], context: AdaptContext) -> None:
        self.send: Final = send
        self.result: Any = None
        """libpq's, or ``None`` as long as there is no answer."""

        self._context: Final = context

    @property
    def is_run(self) -> bool:
        """Whether the server has run it."""
        return self.result is not None and self.result.status in _ANSWERED

    @property
    def has_failed(self) -> bool:
        """Whether it is what the server refused; what follows it has no answer of its own."""
        return self.result is not None and self.result.status == ExecStatus.FATAL_ERROR

    @property
    def changed(self) -> int:
        """How many rows it changed."""
        return int(self.result.command_tuples or 0)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return its rows, read as the context of the statement has it."""
        reader = Transformer(self._context)
        reader.set_pgresult(self.result)
        return reader.load_rows(0, self.result.ntuples, tuple)

    def check(self) -> None:
        """See to it that it was run.

        Raises:
            psycopg.Error: What the server answered instead, if it did.
        """
        if self.has_failed:
            raise errors.error_from_result(self.result)


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
        self._made: Final[list[tuple[Sent, Any, bytes]]] = []
        self._using: Final[list[tuple[Sent, Any]]] = []
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
        context = context or self._raw
        writer = Transformer(context)
        values = writer.dump_sequence(params, [PyFormat.AUTO] * len(params))
        query, types, formats = text.encode(), tuple(writer.types or ()), writer.formats
        answers = Format.BINARY if binary else Format.TEXT
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
                lost = self._exchange()
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
            self._plans.is_direct = int(self._asked.result.get_value(0, 0)) == self._login_pid

    def _is_worth_it(self, text: str, keeps: bool | None) -> bool:
        return self._plans.comes_often(text) if keeps is None else keeps

    def _command(self, text: str) -> Sent:
        query = text.encode()
        return Sent(lambda server: server.send_query_params(query, None), self._raw)

    def _add(self, send: Callable[[Any], None], context: AdaptContext) -> Sent:
        sent = Sent(send, context)
        self._sent.append(sent)
        return sent

    def _exchange(self) -> psycopg.Error | None:
        """Send and receive; return what ended it, if something did: the server may have said why."""
        exchange = self._together() if Pipeline.is_supported() else self._one_by_one()
        try:
            self._raw.wait(exchange)
        except psycopg.Error as error:
            self._end_unless_over()
            return error
        except BaseException:  # a signal, such as RQ's timeout
            self._stop(exchange)
            raise
        return None

    def _stop(self, exchange: _Waiting) -> None:
        """Have the server stop and take its answers, or else end the connection: nobody must find them later."""
        try:
            if self._raw.pgconn.transaction_status == TransactionStatus.ACTIVE:
                with suppress(psycopg.Error):
                    self._raw.cancel_safe(timeout=_CANCEL_S)
                    self._raw.wait(exchange)
        finally:
            self._end_unless_over()

    def _end_unless_over(self) -> None:
        server = self._raw.pgconn
        if server.pipeline_status != PipelineStatus.OFF or server.transaction_status == TransactionStatus.ACTIVE:
            server.finish()

    def _together(self) -> _Waiting:
        server = self._raw.pgconn
        server.enter_pipeline_mode()
        for sent in self._sent:
            sent.send(server)
        server.pipeline_sync()
        yield from _flushed(server)
        for sent in self._sent:
            yield from _answered(server, sent)
        yield from _readable(server)
        server.get_result()  # of the sync
        server.exit_pipeline_mode()

    def _one_by_one(self) -> _Waiting:
        """Do the same with a libpq that cannot send them together."""
        server = self._raw.pgconn
        for sent in self._sent:
            sent.send(server)
            yield from _flushed(server)
            yield from _answered(server, sent)
            if not sent.is_run:
                break


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


def _flushed(server: Any) -> _Waiting:
    while server.flush():
        if (yield Wait.RW) in _READABLE:  # nothing at all, if it goes on after an interruption
            server.consume_input()


def _readable(server: Any) -> _Waiting:
    while server.is_busy():
        if (yield Wait.R):
            server.consume_input()


def _answered(server: Any, sent: Sent) -> _Waiting:
    """Take what the server answers to one statement: a result, and then the end of results."""
    while True:
        yield from _readable(server)
        result = server.get_result()
        if result is None:
            return
        sent.result = result
