"""SQLite: a statement is proved in a shadow database and run under a guard, within the caller's transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from ...runtime.values import Variant
from .caller import in_callers_transaction
from .engine import SqlLimits, SqlResult
from .errors import SqlFailed, SqlRefused
from .fetched import Column, from_database
from .grants import TableGrant
from .sqlite_converters import strict_converters
from .sqlite_proof import Guard, prove
from .sqlite_words import ACTIONS, NEVER

_STEPS_BETWEEN_LOOKS: Final = 1_000
"""Steps of SQLite's machine between two looks at the clock; some 10 µs."""

# The errors whose text is about the plugin's own statement. A trigger's RAISE speaks for the host.
_UNTOLD: Final = frozenset({"SQLITE_CONSTRAINT_TRIGGER", "SQLITE_CORRUPT", "SQLITE_CANTOPEN", "SQLITE_IOERR"})


class SqliteEngine:
    """Runs proved statements on SQLite."""

    def run(
        self,
        alias: str,
        sql: str,
        params: Sequence[object],
        grant: TableGrant,
        *,
        plugin: str,
        remaining_ms: int,
        limits: SqlLimits,
    ) -> SqlResult:
        """Do what ``SqlEngine.run`` promises."""
        connection = in_callers_transaction(alias, remaining_ms)
        prove(connection, sql, len(params), grant, limits)
        raw = connection.connection
        budget_ms = min(remaining_ms, limits.statement_ms)
        # SQLite knows $1 itself, as a parameter whose name is "1".
        named = {str(number): value for number, value in enumerate(params, start=1)}
        wait_ms = min(limits.lock_ms, budget_ms)
        with _limited(raw, limits, wait_ms), strict_converters(), _guarded(connection, budget_ms):
            cursor = raw.cursor()
            try:
                cursor.execute(sql, named)
                return _answer(cursor, connection, limits)
            finally:
                cursor.close()  # an unfinished SELECT would hold its lock


def _answer(cursor: Any, connection: BaseDatabaseWrapper, limits: SqlLimits) -> SqlResult:
    zone = connection.timezone
    columns = tuple(Column(described[0], "", zone) for described in cursor.description or ())
    rows: list[tuple[Variant, ...]] = []
    size = 0
    for row in cursor:
        if len(rows) == limits.rows:
            raise SqlRefused(f"the answer has more than {limits.rows} rows; use LIMIT")
        rows.append(tuple(from_database(value, column) for column, value in zip(columns, row, strict=True)))
        size += sum(_size(value) for value in row)
        if size > limits.result_bytes:
            raise SqlRefused(f"the answer has more than {limits.result_bytes} bytes; use LIMIT or fewer columns")
    return SqlResult(tuple(column.name for column in columns), tuple(rows), max(0, cursor.rowcount))


def _size(value: object) -> int:
    return len(value) if isinstance(value, (str, bytes)) else 8


@contextmanager
def _guarded(connection: BaseDatabaseWrapper, budget_ms: int) -> Iterator[None]:
    """Watch the clock and the second wall while the statement runs; leave the connection without both."""
    raw = connection.connection
    clock = _Clock(budget_ms)
    guard = Guard(lambda action, *asked: ACTIONS[action] if action in NEVER else None)
    raw.set_authorizer(guard)
    raw.set_progress_handler(clock, _STEPS_BETWEEN_LOOKS)
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning, ValueError, LookupError, OverflowError) as exc:
        raise _told(exc, guard, clock, budget_ms) from exc
    finally:
        raw.set_progress_handler(None, 0)
        raw.set_authorizer(None)
        _check_still_in_transaction(connection)
        kept = guard.kept or clock.kept
        if kept is not None:
            raise kept


def _check_still_in_transaction(connection: BaseDatabaseWrapper) -> None:
    # SQLite rolls the whole transaction back, savepoints and all, when a statement that writes is interrupted or the
    # disk is full. What the host wrote next would then be committed by itself: it must not get that far.
    if not connection.connection.in_transaction:
        connection.needs_rollback = True
        raise OperationalError("SQLite rolled the whole transaction back while a plugin's statement was running")


def _told(exc: Exception, guard: Guard, clock: _Clock, budget_ms: int) -> Exception:
    if guard.refusal is not None:
        return SqlRefused(f"{guard.refusal} is not allowed")
    if clock.ran_out:
        return SqlFailed(f"the statement did not finish within {budget_ms} ms", sqlstate="SQLITE_INTERRUPT")
    name = getattr(exc, "sqlite_errorname", None)
    if name is None:  # from the driver or a converter of the host: its text may quote a value
        return SqlFailed(f"a value could not be read or bound ({type(exc).__name__})")
    return SqlFailed("the database refused" if name.startswith(tuple(_UNTOLD)) else str(exc), sqlstate=name)


@contextmanager
def _limited(raw: Any, limits: SqlLimits, wait_ms: int) -> Iterator[None]:
    """Bound the length of any one value and the wait for a lock; set both back afterwards."""
    length = raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limits.result_bytes)
    pattern = raw.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200)
    (busy_ms,) = raw.cursor().execute("PRAGMA busy_timeout").fetchone()
    raw.cursor().execute(f"PRAGMA busy_timeout = {min(int(busy_ms), wait_ms)}")
    try:
        yield
    finally:
        raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, length)
        raw.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, pattern)
        raw.cursor().execute(f"PRAGMA busy_timeout = {int(busy_ms)}")


class _Clock:
    """A progress handler that interrupts the statement when its time is over."""

    def __init__(self, budget_ms: int) -> None:
        self._end = time.monotonic() + budget_ms / 1_000
        self.ran_out = False
        self.kept: BaseException | None = None

    def __call__(self) -> int:
        try:
            self.ran_out = self.ran_out or time.monotonic() >= self._end
        except BaseException as exc:
            self.kept = self.kept or exc
        return int(self.ran_out or self.kept is not None)
