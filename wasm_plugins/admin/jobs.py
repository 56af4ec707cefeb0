"""The way from a run to its job in django-rq's pages, as long as Redis keeps it."""

from __future__ import annotations

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from redis.exceptions import RedisError
from rq.job import Job

from ..models import TaskRun
from ..tasks.queues import opened_queue

_PAGES = ("admin:django_rq_job_detail", "django_rq:job_detail")


def find_job_url(run: TaskRun) -> str | None:
    """Return the address of the job's page, or ``None`` if there is no job or no page; asks Redis once."""
    if run.queue not in settings.RQ_QUEUES or not _has_job(run):
        return None
    index = sorted(settings.RQ_QUEUES).index(run.queue)  # as django-rq counts them
    for page in _PAGES:
        try:
            return reverse(page, args=[index, str(run.pk)])
        except NoReverseMatch:
            continue
    return None


def _has_job(run: TaskRun) -> bool:
    try:
        with opened_queue(run.queue) as queue:
            return Job.exists(str(run.pk), connection=queue.connection)
    except RedisError:
        return False  # a page that tells how a run stands has to open without Redis too
