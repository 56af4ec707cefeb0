"""Asks Redis which queued runs have no job any more that a worker could perform."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from typing import Any, Final

from rq import Queue
from rq.job import Job, JobStatus

from ..models import TaskRun
from .queueing import open_queue

LOOK_AGAIN_S: Final = 0.5
"""How long after a first look a job must still be missing, in seconds."""

ENDED: Final = {JobStatus.FAILED, JobStatus.STOPPED, JobStatus.CANCELED, JobStatus.FINISHED}
"""States of a job that no worker will perform again."""


def find_without_job(queue_name: str, runs: Iterable[TaskRun]) -> list[tuple[TaskRun, str]]:
    """Return the runs whose job is gone, has ended without performing them, or lies in no list.

    Blocks for two exchanges with Redis, and for half a second more when something seems to be missing.

    Returns:
        Each run with its job's status, which is empty when there is no job.

    Raises:
        RedisError: Redis does not answer.
        KeyError: ``RQ_QUEUES`` has no such queue.
    """
    queue = open_queue(queue_name)
    with closing(queue.connection):
        suspects = _without_job(queue, list(runs))
        if suspects:
            time.sleep(LOOK_AGAIN_S)  # a worker may just have taken the job and not said so yet
            suspects = _without_job(queue, [run for run, _ in suspects])
        return suspects


def _without_job(queue: Queue, runs: list[TaskRun]) -> list[tuple[TaskRun, str]]:
    connection: Any = queue.connection
    with connection.pipeline(transaction=False) as pipeline:
        for run in runs:
            pipeline.hget(Job.key_for(str(run.pk)), "status")
        found = [(status or b"").decode() for status in pipeline.execute()]
    lists = (connection.lrange(key, 0, -1) for key in (queue.key, queue.intermediate_queue_key))
    waiting = {job_id.decode() for each in lists for job_id in each}
    return [
        (run, status)
        for run, status in zip(runs, found, strict=True)
        if status in ENDED or (status in ("", JobStatus.QUEUED) and str(run.pk) not in waiting)
    ]
