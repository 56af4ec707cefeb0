"""Puts a run into its RQ queue: takes the row first, and gives it back when the queue does not answer."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import Final

from django.db import router
from django.db.models import QuerySet
from django_rq import get_connection, get_queue
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.serializers import JSONSerializer
from rq.timeouts import BaseTimeoutException

from ..models import TaskRun
from .job import KEEP_FAILED_S, PluginJob
from .job_hash import PERFORM
from .lease import GRACE_S, database_now

PATIENCE_S: Final = 2.0
"""How long each exchange with Redis may take."""

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


def open_queue(name: str) -> Queue:
    """Return an RQ queue that speaks JSON and enqueues at once; the caller closes its connection.

    Raises:
        KeyError: ``RQ_QUEUES`` has no such queue.
    """
    connection = get_connection(name)
    # Somebody's request may wait for this, and a Redis that hangs is worse than one that is away.
    options = connection.connection_pool.connection_kwargs
    for option in ("socket_timeout", "socket_connect_timeout"):
        options[option] = min(options.get(option) or PATIENCE_S, PATIENCE_S)
    queue = get_queue(name, connection=connection, commit_mode="auto", serializer=JSONSerializer, job_class=PluginJob)
    assert isinstance(queue, Queue)
    return queue


def _push(run: TaskRun) -> None:
    queue = open_queue(run.queue)
    with closing(queue.connection):
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
    try:
        queue.job_class.fetch(job_id, connection=queue.connection, serializer=queue.serializer).delete()
    except NoSuchJobError:
        return


def _give_back(run: TaskRun) -> None:
    taken = rows_of(run).filter(status=TaskRun.Status.QUEUED, due_at=run.due_at)
    if taken.update(status=TaskRun.Status.PENDING):
        run.status = TaskRun.Status.PENDING
