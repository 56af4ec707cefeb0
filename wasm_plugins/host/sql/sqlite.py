"""SQLite: a statement is proved in a shadow database and run under a guard, within the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ...scopes.tables import TableGrant
from .caller import in_callers_transaction
from .engine import SqlLimits, SqlResult
from .sqlite_converters import strict_converters
from .sqlite_proof import prove
from .sqlite_run import run_proved


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
        with transaction.atomic(using=alias), strict_converters():
            return run_proved(
                connection.connection,
                sql,
                params,
                zone=connection.timezone,
                remaining_ms=remaining_ms,
                limits=limits,
                check=lambda: _check_still_in_transaction(connection),
            )


def _check_still_in_transaction(connection: BaseDatabaseWrapper) -> None:
    # SQLite rolls the whole transaction back, savepoints and all, when a statement that writes is interrupted or the
    # disk is full. What the host wrote next would then be committed by itself: it must not get that far.
    if not connection.connection.in_transaction:
        connection.needs_rollback = True
        raise OperationalError("SQLite rolled the whole transaction back while a plugin's statement was running")
