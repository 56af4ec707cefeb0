"""What every database offers the host: one call that proves a statement and runs it."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ...runtime.values import Variant
from ...scopes.tables import TableGrant
from .errors import SqlUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlLimits:
    """What one statement may ask for."""

    sql_bytes: int = 16 * 1024
    """Longest statement, in bytes of UTF-8. Never above 16 KiB: the parser was measured safe to there."""

    params: int = 32
    """Most parameters of one statement."""

    rows: int = 1_000
    """Most rows of one answer; one more refuses the whole answer."""

    result_bytes: int = 1024 * 1024
    """Largest answer, in bytes of its values as text."""

    statement_ms: int = 1_000
    """Longest a statement may run, in milliseconds, when the call itself has longer to live."""

    lock_ms: int = 250
    """Longest a statement may wait for a lock, in milliseconds."""


@dataclass(frozen=True, slots=True)
class SqlResult:
    """What one statement answered."""

    columns: tuple[str, ...]
    """Names of the columns, in order; they may repeat. Empty when the statement returns no rows."""

    rows: tuple[tuple[Variant, ...], ...]
    """The rows, each as long as ``columns``, of values of the WIT variant ``value``."""

    changed: int
    """Rows that an INSERT, UPDATE or DELETE changed; 0 for a SELECT."""


class SqlEngine(Protocol):
    """One database's way to prove a statement and to run it."""

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
        """Prove one statement harmless, run it on the caller's connection and return what it answered.

        Blocks for at most about ``min(remaining_ms, limits.statement_ms)``. The caller must be inside
        ``transaction.atomic(using=alias)``. The statement has a savepoint of its own, so that one which is refused or
        fails leaves the caller's transaction as it was.

        Args:
            alias: Django's name of the database.
            sql: One SELECT, INSERT, UPDATE or DELETE, with placeholders ``$1``, ``$2``, ….
            params: Values of the placeholders, as ``values.to_database`` makes them.
            grant: The tables that the statement may touch.
            plugin: Name of the plugin, whose own role runs the statement where the database has such roles.
            remaining_ms: What is left of the call's deadline, in milliseconds.
            limits: What the statement may ask for.

        Raises:
            SqlRefused: The statement is not provably harmless, or went over a limit.
            SqlFailed: The database answered with an error.
            SqlUnavailable: The project requires a runner, and this plugin has none on this database.
            django.db.OperationalError: The connection or the whole transaction is lost; no answer for a plugin.
            django.db.transaction.TransactionManagementError: There is no atomic block, or it is broken already.
        """
        ...


_ENGINES: Final = {
    "postgresql": ("wasm_plugins.host.sql.postgresql", "PostgresqlEngine"),
    "sqlite": ("wasm_plugins.host.sql.sqlite", "SqliteEngine"),
}


def engine_for(vendor: str) -> SqlEngine:
    """Return the engine for a database, by Django's name of its vendor.

    Raises:
        SqlUnavailable: No engine can prove statements for this vendor, or a package it needs is not installed.
    """
    if vendor not in _ENGINES:
        raise SqlUnavailable(f"plugins cannot use {vendor!r} databases; supported are {sorted(_ENGINES)}")
    module, name = _ENGINES[vendor]
    try:
        engine: SqlEngine = getattr(importlib.import_module(module), name)()
    except ImportError as exc:
        # Only for the two optional packages: a broken import of our own must stay visible.
        if (exc.name or "").partition(".")[0] not in {"pglast", "psycopg"}:
            raise
        raise SqlUnavailable(
            f"plugins cannot use {vendor} without {exc.name}: without the parser nothing is proved; "
            "install django-wasm-plugins[postgresql]"
        ) from exc
    return engine
