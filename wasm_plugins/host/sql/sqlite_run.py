"""Runs one proved statement on an SQLite connection, under a clock, a guard and limits, and reads its answer.

It knows no Django, so that an author's tools can run a plugin's SQL the same way.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from typing import Any, Final

from ...runtime.values import Variant
from .engine import SqlLimits, SqlResult
from .errors import SqlFailed, SqlRefused
from .fetched import Column, from_database
from .sqlite_proof import Guard
from .sqlite_words import ACTIONS, NEVER

_STEPS_BETWEEN_LOOKS: Final = 1_000
"""Steps of SQLite's machine between two looks at the clock; some 10 µs."""

# The errors whose text is about the plugin's own statement. A trigger's RAISE speaks for the host.
_UNTOLD: Final = frozenset({"SQLITE_CONSTRAINT_TRIGGER", "SQLITE_CORRUPT", "SQLITE_CANTOPEN", "SQLITE_IOERR"})


def run_proved(
    raw: sqlite3.Connection,
    sql: str,
    params: Sequence[object],
    *,
    zone: tzinfo | None,
    remaining_ms: int,
    limits: SqlLimits,
    check: Callable[[], None],
) -> SqlResult:
    """Run a statement that ``prove`` let pass, and return what it answered.

    Args:
        raw: The connection.
        sql: The statement.
        params: Values of its placeholders.
        zone: The zone of times that come without an offset.
        remaining_ms: What is left of the call's deadline, in milliseconds.
        limits: What the statement may ask for.
        check: Called when the statement has ended, however it did; raises if the transaction is gone.

    Raises:
        SqlRefused: It went over a limit.
        SqlFailed: The database answered with an error.
    """
    budget_ms = min(remaining_ms, limits.statement_ms)
    # SQLite knows $1 itself, as a parameter whose name is "1".
    named = {str(number): value for number, value in enumerate(params, start=1)}
    with _limited(raw, limits, min(limits.lock_ms, budget_ms)), _guarded(raw, budget_ms, check):
        cursor = raw.cursor()
        try:
            cursor.execute(sql, named)
            return _answer(cursor, zone, limits)
        finally:
            cursor.close()  # an unfinished SELECT would hold its lock


def _answer(cursor: Any, zone: tzinfo | None, limits: SqlLimits) -> SqlResult:
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
def _guarded(raw: Any, budget_ms: int, check: Callable[[], None]) -> Iterator[None]:
    """Watch the clock and the second wall while the statement runs; leave the connection without both."""
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
        check()
        kept = guard.kept or clock.kept
        if kept is not None:
            raise kept


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
