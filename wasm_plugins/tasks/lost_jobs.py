"""Asks Redis which queued runs have no job any more that a worker could perform."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from rq import Queue
from rq.job import Job, JobStatus

from ..models import TaskRun
from .queues import opened_queue

LOOK_AGAIN_S: Final = 1.0
"""How long after a first look a job must still be missing, in seconds."""

ENDED: Final = {JobStatus.FAILED, JobStatus.STOPPED, JobStatus.CANCELED, JobStatus.FINISHED}
"""States of a job that no worker will perform again."""


STARTED_S: Final = 60
"""How long after a run was queued its job may be begun without the run being claimed, in seconds."""


def find_without_job(queue_name: str, runs: Iterable[TaskRun], now: datetime) -> list[tuple[TaskRun, str]]:
    """Return the runs whose job is gone, has ended without performing them, lies in no list, or was begun in vain.

    A worker that is only slow may be among those who have such a job: it claims the run, and the next job does nothing.

    Blocks for two exchanges with Redis, and for a second more when something seems to be missing.

    Returns:
        Each run with its job's status, which is empty when there is no job.

    Raises:
        RedisError: Redis does not answer.
        KeyError: ``RQ_QUEUES`` has no such queue.
    """
    with opened_queue(queue_name) as queue:
        suspects = _without_job(queue, list(runs), now)
        if suspects:
            time.sleep(LOOK_AGAIN_S)  # a worker may just have taken the job and not said so yet
            suspects = _without_job(queue, [run for run, _ in suspects], now)
        return suspects


def _without_job(queue: Queue, runs: list[TaskRun], now: datetime) -> list[tuple[TaskRun, str]]:
    connection: Any = queue.connection
    with connection.pipeline(transaction=False) as pipeline:
        for run in runs:
            pipeline.hget(Job.key_for(str(run.pk)), "status")
        found = [(status or b"").decode() for status in pipeline.execute()]
    # A job that lies between queue and worker for longer than a moment lost its worker there; RQ takes it for waiting
    # for ten minutes.
    begun_before = now - timedelta(seconds=STARTED_S)
    waiting = {job_id.decode(errors="replace") for job_id in connection.lrange(queue.key, 0, -1)}

    def may_begin(run: TaskRun, status: str) -> bool:
        is_begun = status == JobStatus.STARTED and run.due_at >= begun_before
        return status not in ENDED and (is_begun or str(run.pk) in waiting)

    return [(run, status) for run, status in zip(runs, found, strict=True) if not may_begin(run, status)]
