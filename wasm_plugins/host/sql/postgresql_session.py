"""A savepoint and lowered timeouts around one statement on PostgreSQL, in as few round trips as can be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import Final

import psycopg
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors
from psycopg.pq import TransactionStatus

from .engine import SqlLimits
from .errors import SqlFailed, SqlRefused, SqlUnavailable
from .pipeline import Sent
from .postgresql_known import Known, NotKnown, known_of, note_miss, remember
from .postgresql_state import (
    AFTER,
    before,
    before_as_known,
    check_same,
    listed,
    relations_of,
    reported,
    spelled,
)
from .runner import SCHEMA, SIGNATURE
from .trip import Trip

_SAVEPOINT: Final = "wasm_plugins_statement"
_RELEASE: Final = f"RELEASE SAVEPOINT {_SAVEPOINT}"


class Attempt(Enum):
    """How a statement is tried, one after the other."""

    EXPECTING = auto()
    """What was found the last time is expected to be so still, and nothing is asked before."""

    ASKING = auto()
    """The server is asked first, with plans that it may have been told to discard."""

    LAST = auto()
    """All plans are new, and what fails has failed."""


@contextmanager
def armed(
    connection: BaseDatabaseWrapper,
    tables: Collection[str],
    role: str | None,
    remaining_ms: int,
    limits: SqlLimits,
    attempt: Attempt = Attempt.LAST,
) -> Iterator[Armed]:
    """Give one statement a savepoint and lower both timeouts for it; the connection is afterwards what it was.

    One round trip before the statement, and one for the statement with all that follows it; or a single one, if what
    the first would find is expected: then the server compares, and stops before the statement. ``set_config(…, true)``
    is SET LOCAL: it would outlive the savepoint when that is released and hold until the caller's transaction ends, so
    the old values are set again. After an error, rolling back to the savepoint brings them and everything else back.
    The savepoint is not Django's: whatever that does, it waits for each of its answers.

    Args:
        connection: Django's connection, in a transaction.
        tables: Tables to look up.
        role: The plugin's role, or ``None`` not to look whether it has a function.
        remaining_ms: What is left of the call's deadline, in milliseconds.
        limits: How long the statement may run and wait.
        attempt: What to try.

    Raises:
        NotKnown: It was not the last attempt, and nothing was done that was not undone.
        OperationalError: The block failed, and what it did cannot be undone by itself.
    """
    timeouts_ms = min(remaining_ms, limits.statement_ms), min(remaining_ms, limits.lock_ms)
    session = Armed(connection, role, tables, *timeouts_ms, attempt)
    try:
        if not session.expect():
            session.begin()
        yield session
        session.settle()
    except (psycopg.Error, SqlRefused, SqlFailed, SqlUnavailable, NotKnown) as error:
        is_undone = session.undo()
        if is_undone or (isinstance(error, psycopg.Error) and connection.connection.closed):  # that is told further up
            raise
        if session.lost is not None:
            raise session.lost from error
        # Not as an error of the plugin's: its caller would go on, and commit a transaction that is none any more.
        raise OperationalError("a plugin's statement failed and could not be undone") from error
    except BaseException:
        session.undo()
        raise


class Armed:
    """A connection with a savepoint set and its timeouts lowered, for one statement."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        role: str | None,
        tables: Collection[str],
        statement_ms: int,
        lock_ms: int,
        attempt: Attempt,
    ) -> None:
        """Belong to Django's connection, and to the plugin's role if it may have a function; nothing is asked yet."""
        self._connection: Final = connection
        self._attempt: Final = attempt
        self._raw: Final = connection.connection
        self._function: Final = None if role is None else f"{SCHEMA}.{role}{SIGNATURE}"
        self._reported: Final = reported(self._raw)
        self._asked: Final = spelled([self._function, statement_ms, lock_ms, listed(tables)])
        self._tables: Final = len(tables)
        self._key: Final = (frozenset(tables), self._function, *self._reported)
        self._state: bytes | None = None
        self._saved: Sent | None = None
        self._is_settled = False
        self._is_kept = False
        self.lost: psycopg.Error | None = None
        """What the server's silence was, if the connection was lost while it was to be undone."""
        self.known: Known
        """The tables that the statement names, and whether the plugin has a function to run it in."""

    def expect(self) -> bool:
        """Take what was found the last time for known; ``run`` sees to it that it still is. Tell if there was any."""
        known = known_of(self._raw, self._key) if self._attempt is Attempt.EXPECTING else None
        if known is None:
            return False
        self.known = known
        return True

    def begin(self) -> None:
        """Set the savepoint, lower both timeouts, and look at the connection and at the tables.

        Raises:
            NotKnown: What was to do this is gone from the server; it can be made again.
        """
        trip = self._trip()
        self._save(trip)
        look = trip.add_spelled(before(self._tables), self._asked)
        try:
            trip.go()
        except errors.InvalidSqlStatementName as error:  # the host had the server discard plans
            if self._attempt is Attempt.LAST:
                raise
            raise NotKnown from error
        self._state = look.first(0)
        ((state, found, statement_timeout, _, lock_timeout, _),) = look.rows()
        self.known = Known(found, relations_of(found), state[-1], statement_timeout, lock_timeout)
        remember(self._raw, self._key, self.known)

    @property
    def is_begun(self) -> bool:
        """Whether the savepoint is set, so that the server may be asked and may answer with an error."""
        return self._saved is not None and self._saved.is_run

    def run(self, statement: Callable[[Trip], object], *, settles: bool, changes: bool = True) -> None:
        """Run the plugin's statement, set both timeouts back, and see to it that nothing else has changed.

        Args:
            statement: Adds it to what is sent.
            settles: Whether nothing that its answer holds could be a reason to undo it.
            changes: Whether it may change rows.

        Raises:
            NotKnown: Something is not as was expected; the statement was not run.
            OperationalError: Something about the connection changed. It is closed then, and with it the transaction.
        """
        trip = self._trip()
        look = None if self.is_begun else self._begin_as_known(trip)
        statement(trip)
        timeouts = spelled([self._function, self.known.statement_timeout, self.known.lock_timeout])
        after = trip.add_spelled(AFTER, timeouts)
        if settles:
            trip.add_command(_RELEASE)
        self._go(trip, look)
        self._is_settled, self._is_kept = settles, settles and changes
        check_same(self._connection, self._state, after.first(0), self._reported, reported(self._raw))

    def _begin_as_known(self, trip: Trip) -> Sent:
        """Add what sets the savepoint, lowers both timeouts, and fails where something is not as was expected."""
        self._save(trip)
        known = self.known
        expected = [known.found, known.function_right, known.statement_timeout, known.lock_timeout]
        return trip.add_spelled(before_as_known(self._tables), [*self._asked, *spelled(expected)])

    def _go(self, trip: Trip, look: Sent | None) -> None:
        try:
            trip.go()
        except errors.DivisionByZero as error:
            if look is None or look.is_run:  # it is the statement's own
                raise
            note_miss(self._raw, self._key)
            raise NotKnown from error
        except errors.InvalidSqlStatementName as error:  # the host had the server discard plans
            if self._attempt is Attempt.LAST:
                raise
            raise NotKnown from error
        if look is not None:
            self._state = look.first(0)

    def settle(self) -> None:
        """Release the savepoint, if that has not been done."""
        if not self._is_settled:
            self._command(_RELEASE)

    def reopen(self) -> None:
        """Set the savepoint again before more is asked, if it was released; ``armed`` releases it at its end."""
        if self._is_settled:
            self._is_settled = False
            self._command(f"SAVEPOINT {_SAVEPOINT}")

    def undo(self) -> bool:
        """Roll back to the savepoint, and tell whether the transaction is now as it was before the statement.

        Where it is not, nothing of the transaction may be kept.
        """
        needed_rollback, self._connection.needs_rollback = self._connection.needs_rollback, True
        status = self._raw.info.transaction_status
        is_open = self.is_begun and not self._is_settled
        is_as_before = not (is_open or self._is_kept) and status == TransactionStatus.INTRANS
        if is_open and status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            try:
                self._command(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}", _RELEASE)
                is_as_before = True
            except psycopg.Error as error:
                self.lost = error if self._raw.closed else None
        if is_as_before:
            self._connection.needs_rollback = needed_rollback
        return is_as_before

    def _trip(self) -> Trip:
        return Trip(self._raw, self._connection.settings_dict["OPTIONS"])

    def _save(self, trip: Trip) -> None:
        self._saved = trip.add_command(f"SAVEPOINT {_SAVEPOINT}")
        trip.drop_unwanted()

    def _command(self, *texts: str) -> None:
        trip = self._trip()
        for text in texts:
            trip.add_command(text)
        trip.go()
