"""Cancels a run: one that waits never begins, and one that goes on is stopped and undone."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.db import OperationalError, router, transaction

from ..audit import record_act
from ..exceptions import RunSettled
from ..models import TaskRun
from .lease import database_now
from .outcome import CANCELLED
from .write_lock import begin_writing, is_locked_out, is_overtaken

_TRIES: Final = 3
_TEXT = "It was cancelled before it had an effect on the database."


def cancel_run(run_id: UUID, *, by: Any = None) -> TaskRun:
    """Cancel a run that has not ended; nothing of it is kept.

    Whether it was cancelled or had an effect is decided by one lock on its row: an attempt writes ``finished`` in the
    transaction of what it did, and only to a row that is still running. The worker notices within about a second and
    stops the call; the queue's job, should there still be one, finds nothing to do.

    Blocks until the row is free: while an attempt commits, and on SQLite until that attempt ends or the database's
    timeout is over.

    Args:
        run_id: The run.
        by: Who wants it, for the audit trail.

    Returns:
        The row as it is now.

    Raises:
        TaskRun.DoesNotExist: There is no such run.
        RunSettled: It has ended, SQLite's only write lock is its attempt's, or under ``REPEATABLE READ`` others keep
            changing it.
    """
    using = router.db_for_write(TaskRun)
    for _ in range(_TRIES):
        try:
            with transaction.atomic(using=using):
                return _cancel(run_id, using, by)
        except OperationalError as error:
            if is_locked_out(error):
                reason = "its attempt holds SQLite's only write lock until it ends, so nobody can stop it"
                raise RunSettled(reason) from error
            if not is_overtaken(error):
                raise
    raise RunSettled("it changes at this very moment: look at it again, it may be over")


def _cancel(run_id: UUID, using: str, by: Any) -> TaskRun:
    begin_writing(using)
    rows = TaskRun.objects.using(using).select_related("plugin").select_for_update(of=("self",))
    run = rows.get(pk=run_id)
    if run.is_over:
        raise RunSettled(f"it is over: it {_ended(run)}", plugin=run.plugin.name)
    was = run.status
    run.status, run.finished_at, run.lease_until = TaskRun.Status.CANCELLED, database_now(using), None
    run.error_code, run.error = CANCELLED, _TEXT
    run.save(using=using, update_fields=["status", "finished_at", "lease_until", "error_code", "error"])
    details = {"task": run.handler, "was": was, "attempt": run.attempts}
    record_act(by, "cancel-run", run.plugin, subject=str(run.pk), details=details)
    return run


def _ended(run: TaskRun) -> str:
    return "was cancelled" if run.status == TaskRun.Status.CANCELLED else str(run.status)
