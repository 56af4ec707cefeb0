"""Puts a run into its RQ queue: takes the row first, and gives it back when the queue does not answer."""

from __future__ import annotations

import logging
from contextlib import suppress

from django.db import router
from django.db.models import QuerySet
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.timeouts import BaseTimeoutException

from ..models import TaskRun
from .job import KEEP_FAILED_S
from .job_hash import PERFORM
from .lease import GRACE_S, database_now
from .queues import opened_queue

logger = logging.getLogger(__name__)


class QueueAway(Exception):
    """A queue does not take jobs; the run is pending again. The message says why."""


def enqueue(run: TaskRun) -> None:
    """Queue a run that waits; if its queue does not answer, say so in the log and leave it to ``sweep``.

    On a queue with ``ASYNC: False`` the run is over when this returns.
    """
    try:
        hand_over(run)
    except QueueAway as away:
        logger.warning("run %s waits: %s", run.pk, away)


def hand_over(run: TaskRun) -> bool:
    """Queue a run that waits, unless somebody else just did; blocks for one exchange with Redis.

    Returns:
        Whether this call queued it.

    Raises:
        QueueAway: Redis does not answer, or refuses.
    """
    waiting = rows_of(run).filter(status=run.status, due_at=run.due_at)
    taken_at = database_now(router.db_for_write(TaskRun, instance=run))
    if not waiting.update(status=TaskRun.Status.QUEUED, due_at=taken_at):
        return False
    run.status, run.due_at = TaskRun.Status.QUEUED, taken_at
    try:
        _push(run)
    except Exception as error:
        _give_back(run)
        if isinstance(error, BaseTimeoutException):  # the job that we are in is over
            raise
        raise QueueAway(f"queue {run.queue} does not take it: {type(error).__name__}: {error}") from error
    return True


def rows_of(run: TaskRun) -> QuerySet[TaskRun]:
    """Return the queryset of exactly this run, on the database that it came from."""
    return TaskRun.objects.using(run._state.db).filter(pk=run.pk)


def _push(run: TaskRun) -> None:
    with opened_queue(run.queue) as queue:
        _forget_earlier_job(queue, str(run.pk))
        queue.enqueue_call(
            PERFORM,
            args=(str(run.pk),),
            job_id=str(run.pk),
            timeout=run.timeout_s + GRACE_S,
            failure_ttl=KEEP_FAILED_S,
            description=f"{run.plugin.name}/{run.handler} {run.pk}",
        )


def _forget_earlier_job(queue: Queue, job_id: str) -> None:
    """Remove what an earlier attempt left: RQ would let the new job expire when the old one was to."""
    if not queue.job_class.exists(job_id, connection=queue.connection):
        return  # as mostly: to fetch it takes longer than to queue it
    with suppress(NoSuchJobError):
        queue.job_class.fetch(job_id, connection=queue.connection, serializer=queue.serializer).delete()


def _give_back(run: TaskRun) -> None:
    taken = rows_of(run).filter(status=TaskRun.Status.QUEUED, due_at=run.due_at)
    if taken.update(status=TaskRun.Status.PENDING):
        run.status = TaskRun.Status.PENDING
