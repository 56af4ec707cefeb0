"""An SQLite database in memory, made from a file of SQL; a plugin's statements are proved and run by the host's code.

Each call is one transaction on it, committed when the call went well. What the plugin asks for in ``plugin.toml``
counts as granted, as if an admin had agreed to it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any, Final

from wasm_plugins.host.sql.engine import SqlLimits, SqlResult
from wasm_plugins.host.sql.sqlite_proof import prove
from wasm_plugins.host.sql.sqlite_run import run_proved
from wasm_plugins.scopes.tables import TableGrant

MOST_OPEN: Final = 16
"""Transactions that one call may have open, as in the host."""

VENDOR: Final = "sqlite"
_ALIAS: Final = "wasm-plugins call"
"""No alias that a project has, since proofs are remembered by it."""

_PARSED: Final = sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES

_CONVERTERS: Final[dict[str, Callable[[bytes], object]]] = {
    "BOOL": lambda data: data == b"1",
    "DATE": lambda data: date.fromisoformat(data.decode()),
    "TIME": lambda data: time.fromisoformat(data.decode()),
    "DATETIME": lambda data: datetime.fromisoformat(data.decode()),
    "TIMESTAMP": lambda data: datetime.fromisoformat(data.decode()),
}
"""How columns of these types are read, as Django does it; where Django is, its own stay."""


class NotOpen(Exception):
    """The plugin ended a transaction that it never began, or began too many; the text is for the plugin."""


class Database:
    """A database in memory, with the transaction of at most one call open on it."""

    is_used: bool
    """Whether the call has used it, so that locks may be held from then on."""

    zone: Final[tzinfo] = UTC
    """The zone of times that are stored without an offset."""

    def __init__(self, fixture: str, grant: TableGrant) -> None:
        """Make it.

        Args:
            fixture: SQL that makes and fills the tables, as ``sqlite3 .dump`` writes it.
            grant: What the plugin may do with them.

        Raises:
            sqlite3.Error: The fixture is no SQL that SQLite takes.
        """
        _register_converters()
        self.alias = _ALIAS
        self._grant: Final = grant
        self._open: Final[list[str]] = []
        self.is_used = False
        self.connection = self.get_new_connection(self.get_connection_params())
        try:
            self.connection.executescript(fixture)
            self.connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            self.connection.close()
            raise

    @contextmanager
    def call(self, *, forgets: bool = False) -> Iterator[list[str]]:
        """Run the block as one call's transaction: committed at its end, or undone when it raises.

        Yields the list that will name the transactions which the call left open; what they did is undone.

        Args:
            forgets: Whether it is undone in any case.

        Raises:
            sqlite3.IntegrityError: What the call wrote breaks a constraint that is checked at the end.
        """
        left_open: list[str] = []
        self.is_used = False
        self.connection.execute("BEGIN")
        try:
            yield left_open
            self._end_open(left_open)
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK" if forgets else "COMMIT")
        except BaseException:
            self._end_open(left_open)
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    def _end_open(self, left_open: list[str]) -> None:
        if self._open:
            self._undo(self._open[0])
            left_open += ["default"] * len(self._open)
            self._open.clear()

    def get_connection_params(self) -> dict[str, Any]:
        """Return how connections are opened, for the proof, which opens another one."""
        return {"database": ":memory:", "detect_types": _PARSED, "isolation_level": None}

    def get_new_connection(self, conn_params: dict[str, Any], /) -> sqlite3.Connection:
        """Open a connection."""
        opened: sqlite3.Connection = sqlite3.connect(**conn_params)
        return opened

    def run(self, sql: str, params: Sequence[object], *, remaining_ms: int, rows: int) -> SqlResult:
        """Prove one statement and run it, in a savepoint of its own.

        Raises:
            SqlRefused: It is not provably harmless, or went over a limit.
            SqlFailed: SQLite answered with an error.
        """
        self.is_used = True
        limits = SqlLimits(rows=rows)
        prove(self, sql, len(params), self._grant, limits)
        self.connection.execute("SAVEPOINT statement")
        try:
            return run_proved(
                self.connection,
                sql,
                params,
                zone=self.zone,
                remaining_ms=remaining_ms,
                limits=limits,
                check=lambda: None,
            )
        except BaseException:
            self._undo("statement")
            raise
        finally:
            if self.connection.in_transaction:
                self.connection.execute("RELEASE statement")

    def begin(self) -> None:
        """Open a savepoint.

        Raises:
            NotOpen: As many as may are open.
        """
        self.is_used = True
        if len(self._open) >= MOST_OPEN:
            raise NotOpen(f"{MOST_OPEN} transactions are open on default, which is the limit")
        self._open.append(f"plugin_{len(self._open)}")
        self.connection.execute(f"SAVEPOINT {self._open[-1]}")

    def end(self, *, keep: bool) -> None:
        """Release the innermost savepoint, or undo what happened since.

        Raises:
            NotOpen: None is open.
        """
        if not self._open:
            raise NotOpen("no transaction is open on default: begin one first")
        name = self._open.pop()
        if not keep:
            self._undo(name)
        self.connection.execute(f"RELEASE {name}")

    def close(self) -> None:
        """Drop it."""
        self.connection.close()

    def _undo(self, name: str) -> None:
        if self.connection.in_transaction:
            self.connection.execute(f"ROLLBACK TO {name}")


def _register_converters() -> None:
    known: dict[str, Any] = getattr(sqlite3, "converters", {})
    for name, convert in _CONVERTERS.items():
        if name not in known:
            sqlite3.register_converter(name, convert)
