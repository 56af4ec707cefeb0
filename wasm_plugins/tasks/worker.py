"""RQ workers for plugins: they run our job only, and give back what a work horse held when it died."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from django.db import DatabaseError, InterfaceError, connections
from rq import Queue, SimpleWorker, Worker
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from .. import processes
from . import held
from .job import PluginJob
from .outcome import INTERRUPTED, Failure
from .record import give_back

if TYPE_CHECKING:
    from rq.worker.base import BaseWorker
else:
    BaseWorker = object

DIED: Final = Failure(INTERRUPTED, "The worker was stopped, or its process died.", may_pass=True, is_spared=True)
STOPPED: Final = Failure(INTERRUPTED, "Somebody stopped the job in RQ.", may_pass=False)

logger = logging.getLogger(__name__)


class _OursOnly(BaseWorker):
    """What all our workers have, whatever else they are told: our job class, and JSON."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "job_class": PluginJob, "serializer": JSONSerializer})
        held.begin()
        processes.speak_for_children()
        for queue in self.queues:  # it reads jobs as well when it cleans up
            queue.job_class, queue.serializer = PluginJob, JSONSerializer

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Perform a job; if its process died before the outcome was written, give the run back.

        Otherwise the run would wait until its lease is over. That is also what happens when this process dies too.
        """
        held.forget()
        try:
            super().execute_job(job, queue)
        finally:
            if attempt := held.attempt_of(job.id):
                _give_back(job, attempt)

    def clean_group_registries(self) -> None:
        """Leave groups alone: our jobs are in none."""

    @property
    def is_asked_to_stop(self) -> bool:
        """Whether it ended because somebody told it to."""
        return self._shutdown_requested_date is not None


def _give_back(job: Job, attempt: int) -> None:
    failure = STOPPED if job.get_status(refresh=False) == JobStatus.STOPPED else DIED
    try:
        if give_back(job.id, attempt, failure):
            logger.warning("run %s was given back: its process died in attempt %d", job.id, attempt)
    except (DatabaseError, InterfaceError):
        logger.exception("run %s could not be given back: it is found when its lease is over", job.id)
    finally:
        held.forget()
        connections.close_all()  # the next work horse must not share one with us


class PluginWorker(_OursOnly, Worker):
    """Performs each job in a process of its own. For ``rqworker --worker-class``, too."""


class SimplePluginWorker(_OursOnly, SimpleWorker):
    """Performs jobs in its own process: quicker, but a job that kills its process kills the worker."""
