"""Asks again for a run that ended without an effect: a new run with the same input and the same idempotency key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import OperationalError, router, transaction

from ..audit import record_act
from ..exceptions import RunSettled
from ..models import TaskRun
from .request import request_run
from .write_lock import begin_writing, is_overtaken

Status = TaskRun.Status


def why_not_retried(run: TaskRun, using: str | None = None) -> str:
    """Return why a run cannot be asked for again, or nothing; of one that was, the database is asked.

    Args:
        run: The run.
        using: The database to ask, where one that lags behind must not answer.
    """
    if run.status == Status.FINISHED:
        return "it finished, and what it did is done: a retry would do it a second time"
    if not run.is_over:
        return "it has not ended"
    if TaskRun.objects.using(using).filter(retry_of=run.pk).exists():
        return "it was asked for again already: retry that one, if it fails too"
    return ""


def retry_run(run_id: UUID, *, by: Any = None) -> TaskRun:
    """Ask again for a run that failed or was cancelled; it is queued when the caller's transaction commits.

    Nothing happens twice by that. What the old run did to the database was undone; that it may have told others
    something, they know by its idempotency key, which the new run has as well. A run that finished is never done
    again, and of each run there is one retry at most: a row lock and a unique key see to it.

    The new run is for the user for whom the old one was, so that it may do neither more nor less.

    Args:
        run_id: The run that ended.
        by: Who asks again.

    Raises:
        TaskRun.DoesNotExist: There is no such run.
        RunSettled: It finished, has not ended, was asked for again before, or is by somebody else right now.
        PluginNotFound: Its plugin is not enabled now.
        TaskNotFound: The plugin has no such task any more.
        TooManyRuns: As many runs of the plugin wait as may.
    """
    using = router.db_for_write(TaskRun)
    try:
        with transaction.atomic(using=using):
            return _retry(run_id, using, by)
    except OperationalError as error:
        if not is_overtaken(error):
            raise
        raise RunSettled("somebody else changed it at the same moment: look at it again") from error


def _retry(run_id: UUID, using: str, by: Any) -> TaskRun:
    begin_writing(using)
    rows = TaskRun.objects.using(using).select_related("plugin", "requested_by").select_for_update(of=("self",))
    run = rows.get(pk=run_id)
    if reason := why_not_retried(run, using):
        raise RunSettled(reason, plugin=run.plugin.name)
    again = request_run(
        plugin=run.plugin.name,
        handler=run.handler,
        input_text=run.input,
        user=run.requested_by,
        route=run.route,
        using=using,
        again={"retry_of": run, "retried_by": by, "first_id": run.first_id or run.pk},
    )
    details = {"task": run.handler, "of": str(run.pk)}
    record_act(by, "retry-run", run.plugin, subject=str(again.pk), details=details)
    return again
