"""Sends statements to PostgreSQL and takes their answers, in libpq's pipeline mode where it has one.

psycopg's use of that mode waits and writes for each statement by itself, which takes three times as long for five small
ones (0.41 against 0.12 ms); so libpq is used as psycopg wraps it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from typing import Any, Final

import psycopg
from psycopg import Pipeline, errors
from psycopg.abc import AdaptContext
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, PipelineStatus, TransactionStatus
from psycopg.waiting import Ready, Wait

_ANSWERED: Final = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
_COPYING: Final = (ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH)
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

    def first(self, column: int) -> bytes | None:
        """Return a value of its first row as the server sent it; ``None`` is null."""
        data: bytes | None = self.result.get_value(0, column)
        return data

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


def exchange(raw: Any, statements: Sequence[Sent]) -> psycopg.Error | None:
    """Send and receive; return what ended it, if something did: the server may have said why.

    Args:
        raw: psycopg's connection, which is locked.
        statements: What follows one that fails is not run.
    """
    waiting = (_together if Pipeline.is_supported() else _one_by_one)(raw.pgconn, statements)
    try:
        raw.wait(waiting)
    except psycopg.Error as error:
        _end_unless_over(raw.pgconn)
        return error
    except BaseException:  # a signal, such as RQ's timeout
        _stop(raw, waiting)
        raise
    return None


def _stop(raw: Any, waiting: _Waiting) -> None:
    """Have the server stop and take its answers, or else end the connection: nobody must find them later."""
    try:
        if raw.pgconn.transaction_status == TransactionStatus.ACTIVE:
            with suppress(psycopg.Error):
                raw.cancel_safe(timeout=_CANCEL_S)
                raw.wait(waiting)
    finally:
        _end_unless_over(raw.pgconn)


def _end_unless_over(server: Any) -> None:
    if server.pipeline_status != PipelineStatus.OFF or server.transaction_status == TransactionStatus.ACTIVE:
        server.finish()


def _together(server: Any, statements: Sequence[Sent]) -> _Waiting:
    server.enter_pipeline_mode()
    for sent in statements:
        sent.send(server)
    server.pipeline_sync()
    yield from _flushed(server)
    for sent in statements:
        yield from _answered(server, sent)
    yield from _readable(server)
    server.get_result()  # of the sync
    server.exit_pipeline_mode()


def _one_by_one(server: Any, statements: Sequence[Sent]) -> _Waiting:
    """Do the same with a libpq that cannot send them together."""
    for sent in statements:
        sent.send(server)
        yield from _flushed(server)
        yield from _answered(server, sent)
        if not sent.is_run:
            break


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
        if result.status in _COPYING:  # libpq would answer so for ever
            raise psycopg.NotSupportedError("a statement sent rows by COPY, which nothing here reads")
        sent.result = result
