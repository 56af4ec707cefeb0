"""Finds runs that nobody works on: never queued, lost from the queue, or left behind by a worker that died."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from django.db import router
from django.db.models import Q, QuerySet
from redis.exceptions import RedisError

from ..conf import conf
from ..models import TaskRun
from .lease import GRACE_S, database_now
from .lost_jobs import ENDED, find_without_job
from .outcome import LONGEST_PAUSE_S, NOT_STARTED, RUN_LOST, Failure, failure_columns
from .queueing import QueueAway, hand_over, rows_of
from .record import audit_lost

SETTLE_S: Final = 5
"""How long a new row is left to whoever wrote it, in seconds."""

QUEUED_S: Final = 10
"""How long a queued row may be without a job, in seconds: its worker may be about to claim it."""

MOST_ROWS: Final = 500
"""Due or lost rows that one sweep handles."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class SweepReport:
    """How many runs a sweep found, by what it did with them."""

    enqueued: int = 0
    """Were due, and are queued now."""

    requeued: int = 0
    """Had lost their job, and are queued again or will be."""

    retried: int = 0
    """Had lost their worker, and wait for another attempt."""

    failed: int = 0
    """Had lost their worker, and had no attempt left."""

    def as_json(self) -> dict[str, int]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def sweep(now: datetime | None = None) -> SweepReport:
    """Look once for runs that nobody works on, and set them going; safe in many processes at once.

    Each row is taken by one conditional update, so of several sweepers one handles it. What time it is, the database
    says: the host's clock may be wrong.

    Args:
        now: The moment to judge by, for tests.
    """
    now = now or database_now(router.db_for_read(TaskRun))
    report = SweepReport()
    _find_lost(now, report)
    _find_unqueued(now, report)
    _find_due(now, report)
    return report


def _find_due(now: datetime, report: SweepReport) -> None:
    settled = Q(attempts__gt=0) | Q(due_at__lt=now - timedelta(seconds=SETTLE_S))
    due = _light().filter(settled, status=TaskRun.Status.PENDING, due_at__lte=now)
    away: set[str] = set()  # waiting for one time-out is enough
    for run in due.order_by("due_at")[:MOST_ROWS]:
        if run.queue in away:
            continue
        try:
            report.enqueued += hand_over(run)
        except QueueAway as error:
            away.add(run.queue)
            logger.warning("runs wait: %s", error)


def _find_lost(now: datetime, report: SweepReport) -> None:
    failure = Failure(RUN_LOST, "The worker gave no sign of life any more.", may_pass=True, is_spared=True)
    is_over = Q(lease_until__lt=now) | Q(lease_until=None)
    running = _light().select_related("requested_by").filter(is_over, status=TaskRun.Status.RUNNING)
    for run in running.order_by("started_at")[:MOST_ROWS]:
        if _may_run_until(run) >= now:
            continue
        columns = failure_columns(run, failure, now)
        if _unchanged(run).update(**columns):
            is_retried = columns["status"] == TaskRun.Status.PENDING
            report.retried += is_retried
            report.failed += not is_retried
            audit_lost(run)
            logger.warning("run %s was lost in attempt %d", run.pk, run.attempts)


def _may_run_until(run: TaskRun) -> datetime:
    """Return when nobody holds a run any more.

    A worker of a release that knew no leases holds it until even RQ would have ended it.
    """
    if run.lease_until is not None:
        return run.lease_until
    return (run.started_at or run.created_at) + timedelta(seconds=run.timeout_s + GRACE_S + conf.LEASE_S)


def _find_unqueued(now: datetime, report: SweepReport) -> None:
    settled_before = now - timedelta(seconds=QUEUED_S)
    queued = _light().filter(status=TaskRun.Status.QUEUED, due_at__lt=settled_before)
    # A list, since on a queue without workers a run may be performed right here and close the connection.
    for name, runs in groupby(list(queued.order_by("queue", "due_at")), key=lambda run: run.queue):
        try:
            for run, job_status in find_without_job(name, runs, now):
                report.requeued += _queue_again(run, job_status, now)
        except (RedisError, QueueAway, KeyError) as error:
            logger.warning("queue %s could not be looked through: %r", name, error)


def _queue_again(run: TaskRun, job_status: str, now: datetime) -> bool:
    if job_status not in ENDED:
        return hand_over(run)
    age_s = max(2.0, min(LONGEST_PAUSE_S, (now - run.created_at).total_seconds()))
    text = (
        f"The RQ job was {job_status} before the run began: its worker died, could not claim the run because the "
        "database was busy or away, or is none of ours. Its log says which. Workers are started with "
        "manage.py plugins worker."
    )
    return bool(
        _unchanged(run).update(
            status=TaskRun.Status.PENDING,
            due_at=now + timedelta(seconds=age_s),  # twice as old each time
            error_code=NOT_STARTED,
            error=text,
        )
    )


def _light() -> QuerySet[TaskRun]:
    """Return runs without their long texts."""
    return TaskRun.objects.select_related("plugin").defer("input", "result", "log", "error")


def _unchanged(run: TaskRun) -> QuerySet[TaskRun]:
    """Return the queryset of this run as long as it is as it was read: of several sweepers, one finds it."""
    return rows_of(run).filter(
        status=run.status,
        attempts=run.attempts,
        due_at=run.due_at,
        heartbeat_at=run.heartbeat_at,
        lease_until=run.lease_until,
    )
