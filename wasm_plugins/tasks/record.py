"""Writes what came of an attempt, as long as the run is still that attempt's."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections, router
from django.utils import timezone

from ..audit import record_soon
from ..models import TaskRun
from .claim import parse_run_id
from .lease import database_now
from .outcome import Failure, failure_columns, failure_of
from .queueing import rows_of
from .recorder import Recorder

IGNORED: Final = "ignored"
"""What became of the row of an attempt that nobody waits for: nothing."""

LOST: Final = "lost"
"""Outcome, in the audit trail, of an attempt whose process died."""

_RECORD_PAUSES_S: Final = (0.0, 0.5, 2.0, 5.0)

logger = logging.getLogger(__name__)

Status = TaskRun.Status


def record(run: TaskRun, columns: dict[str, Any]) -> bool:
    """Write an outcome, unless the run has gone on without this attempt; tell whether it was written."""
    mine = rows_of(run).filter(status=Status.RUNNING, attempts=run.attempts)
    return bool(mine.update(heartbeat_at=timezone.now(), **columns))


def record_last_words(run: TaskRun, recorder: Recorder) -> None:
    """Write the log and what was spent of an attempt that was cancelled; where that cannot be, it is no loss."""
    cancelled = rows_of(run).filter(status=Status.CANCELLED, attempts=run.attempts)
    try:
        cancelled.update(**recorder.columns())
    except (OperationalError, InterfaceError) as lost:
        logger.warning("run %s: its last words are not recorded: %s", run.pk, lost)


def give_back(run_id: str, attempt: int, failure: Failure) -> bool:
    """Write the failure of an attempt whose process is dead; tell whether the run was still in its hands.

    Raises:
        DatabaseError: The database does not answer; ``sweep`` finds the run when its lease is over.
    """
    key = parse_run_id(run_id)
    if key is None:
        return False
    held_runs = TaskRun.objects.select_related("plugin", "requested_by")
    held_runs = held_runs.filter(status=Status.RUNNING, attempts=attempt)
    run = held_runs.defer("input", "result", "log").filter(pk=key).first()
    if run is None:
        return False
    alias = router.db_for_write(TaskRun, instance=run)
    if not record(run, failure_columns(run, failure, database_now(alias))):
        return False
    audit_lost(run)
    return True


def audit_lost(run: TaskRun) -> None:
    """Leave the audit entry of an attempt whose process died before it could."""
    record_soon(
        act="task",
        user=run.requested_by,
        plugin=run.plugin.name,
        subject=run.handler,
        outcome=LOST,
        details={"run": str(run.pk), "attempt": run.attempts},
    )


def record_failure(run: TaskRun, error: BaseException, recorder: Recorder, *, is_loaded: bool) -> str:
    """Write a failure, on a new connection if the old one was lost; blocks for seconds while the database is away.

    Args:
        run: The run, in the attempt that failed.
        error: What happened.
        recorder: What the run reported.
        is_loaded: Whether the plugin could be loaded at all.

    Returns:
        What became of the row: a status of it, or ``ignored``.

    Raises:
        BaseException: The error itself, when it could not be written.
    """
    failure = failure_of(error)
    if not is_loaded:  # another worker may be able to, or this one once it is deployed anew
        failure = replace(failure, is_spared=True, passes_slowly=True)
    alias = run._state.db or DEFAULT_DB_ALIAS
    connection = connections[alias]
    for pause_s in _RECORD_PAUSES_S:
        time.sleep(pause_s)
        try:
            columns = {**failure_columns(run, failure, database_now(alias)), **recorder.columns()}
            columns |= _version_column(run, error)
            return str(columns["status"]) if record(run, columns) else IGNORED
        except (OperationalError, InterfaceError) as lost:
            if connection.in_atomic_block:
                raise
            logger.warning("run %s: its failure is not recorded yet: %s", run.pk, lost)
            connection.close()
    raise error


def _version_column(run: TaskRun, error: BaseException) -> dict[str, Any]:
    number = getattr(error, "version", None)
    if number is None:
        return {}
    return {"version_id": run.plugin.versions.filter(number=number).values_list("pk", flat=True).first()}
