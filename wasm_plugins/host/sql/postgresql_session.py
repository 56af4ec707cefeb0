"""A savepoint and lowered timeouts around one statement on PostgreSQL, in as few round trips as can be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import RawCursor, errors
from psycopg.pq import TransactionStatus

from .engine import SqlLimits
from .errors import SqlFailed, SqlRefused, SqlUnavailable
from .postgresql_known import Known, NotKnown, known_of, note_miss, remember
from .postgresql_state import AFTER, before, before_as_known, check_same, relations_of, reported
from .preparing import bound_kept, execute_kept, one_trip
from .runner import SCHEMA, SIGNATURE

_SAVEPOINT: Final = "wasm_plugins_statement"
_RELEASE: Final = f"RELEASE SAVEPOINT {_SAVEPOINT}"


@contextmanager
def armed(
    connection: BaseDatabaseWrapper,
    tables: Collection[str],
    role: str | None,
    remaining_ms: int,
    limits: SqlLimits,
    *,
    expects: bool = False,
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
        expects: Whether to expect what was found the last time, if there was one, and to ask nothing before.

    Raises:
        NotKnown: It is not as was expected, and nothing was done.
        OperationalError: The block failed, and what it did cannot be undone by itself.
    """
    session = Armed(connection, role, tables, min(remaining_ms, limits.statement_ms), min(remaining_ms, limits.lock_ms))
    try:
        if not (expects and session.expect()):
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
    ) -> None:
        """Belong to Django's connection, and to the plugin's role if it may have a function; nothing is asked yet."""
        self._connection: Final = connection
        self._raw: Final = connection.connection
        self._function: Final = None if role is None else f"{SCHEMA}.{role}{SIGNATURE}"
        self._reported: Final = reported(self._raw)
        self._asked: Final = [self._function, statement_ms, lock_ms, sorted(tables)]
        self._tables: Final = len(tables)
        self._key: Final = (frozenset(tables), self._function, *self._reported)
        self._is_begun = False
        self._is_settled = False
        self.lost: psycopg.Error | None = None
        """What the server's silence was, if the connection was lost while it was to be undone."""
        self.known: Known
        """The tables that the statement names, and whether the plugin has a function to run it in."""

    def expect(self) -> bool:
        """Take what was found the last time for known; ``run`` sees to it that it still is. Tell if there was any."""
        known = known_of(self._raw, self._key)
        if known is None:
            return False
        self.known = known
        return True

    def begin(self) -> None:
        """Set the savepoint, lower both timeouts, and look at the connection and at the tables."""
        look = RawCursor(self._raw)
        with one_trip(self._raw):
            self._save()
            self._execute(look, before(self._tables), self._asked)
        ((self._state, found, statement_timeout, _, lock_timeout, _),) = look.fetchall()
        self.known = Known(found, relations_of(found), self._state[-1], statement_timeout, lock_timeout)
        remember(self._raw, self._key, self.known)

    @property
    def is_begun(self) -> bool:
        """Whether the savepoint is set, so that the server may be asked and may answer with an error."""
        return self._is_begun

    def run(self, statement: Callable[[], object], *, settles: bool) -> None:
        """Run the plugin's statement, set both timeouts back, and see to it that nothing else has changed.

        Args:
            statement: Executes it, and reads no answer yet.
            settles: Whether nothing that its answer holds could be a reason to undo it.

        Raises:
            NotKnown: Something is not as was expected; the statement was not run.
            OperationalError: Something about the connection changed. It is closed then, and with it the transaction.
        """
        after = RawCursor(self._raw)
        with self._begun_with():
            statement()
            self._execute(after, AFTER, [self._function, self.known.statement_timeout, self.known.lock_timeout])
            if settles:
                self._command(_RELEASE)
        self._is_settled = settles
        ((state, _, _),) = after.fetchall()
        check_same(self._connection, self._state, state, self._reported, reported(self._raw))

    @contextmanager
    def _begun_with(self) -> Iterator[None]:
        """Send what the block executes in one trip, and before it whatever has not been begun."""
        if self._is_begun:
            with one_trip(self._raw):
                yield
            return
        look = RawCursor(self._raw)
        known = self.known
        expected = [known.found, known.function_right, known.statement_timeout, known.lock_timeout]
        try:
            with one_trip(self._raw):
                self._save()
                self._execute(look, before_as_known(self._tables), [*self._asked, *expected])
                yield
        except errors.DivisionByZero as error:
            if look.pgresult is None:  # else it is the statement's own
                note_miss(self._raw, self._key)
                raise NotKnown from error
            raise
        ((self._state, _),) = look.fetchall()

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
        is_open = self._is_begun and not self._is_settled
        is_as_before = not is_open and status == TransactionStatus.INTRANS
        if is_open and status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            try:
                with one_trip(self._raw):
                    self._command(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
                    self._command(_RELEASE)
                bound_kept(self._raw)
                is_as_before = True
            except psycopg.Error as error:
                self.lost = error if self._raw.closed else None
        if is_as_before:
            self._connection.needs_rollback = needed_rollback
        return is_as_before

    def _save(self) -> None:
        self._command(f"SAVEPOINT {_SAVEPOINT}")
        self._is_begun = True

    def _command(self, text: str) -> None:
        RawCursor(self._raw).execute(text, prepare=False)

    def _execute(self, cursor: RawCursor[Any], text: str, params: Sequence[object]) -> None:
        execute_kept(cursor, text, params, self._connection.settings_dict["OPTIONS"])
