"""Our workers: whatever they are told, they read jobs as ours, and they give back what a dead process held."""

from __future__ import annotations

import os
from typing import Any

import pytest
from django_rq import get_queue
from django_rq.workers import get_worker
from rq.job import Job, JobStatus
from rq.serializers import DefaultSerializer, JSONSerializer

from tests.tasks.installed import MakeRun
from wasm_plugins.models import Plugin, TaskRun
from wasm_plugins.tasks import PluginJob, PluginWorker, held
from wasm_plugins.tasks.claim import parse_run_id
from wasm_plugins.tasks.outcome import MOST_SPARED
from wasm_plugins.tasks.queues import opened_queue
from wasm_plugins.tasks.record import give_back
from wasm_plugins.tasks.worker import DIED, STOPPED, SimplePluginWorker

Status = TaskRun.Status


@pytest.mark.parametrize("worker_class", [PluginWorker, SimplePluginWorker])
def test_no_other_job_class_and_no_other_serializer_is_taken(rq_queue: str, worker_class: Any) -> None:
    worker: Any = get_worker("default", worker_class=worker_class, job_class=Job, serializer=DefaultSerializer)
    assert (worker.job_class, worker.serializer) == (PluginJob, JSONSerializer)
    assert {(queue.job_class, queue.serializer) for queue in worker.queues} == {(PluginJob, JSONSerializer)}
    worker.connection.close()


def test_a_run_is_given_back_only_in_the_attempt_that_died(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.RUNNING, attempts=2)
    assert not give_back(str(run.pk), 1, DIED)
    assert give_back(str(run.pk), 2, DIED)
    assert not give_back(str(run.pk), 2, DIED)
    run.refresh_from_db()
    assert (run.status, run.error_code, run.spared) == (Status.PENDING, "interrupted", 1)


def test_a_run_that_somebody_stopped_is_not_begun_again(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.RUNNING, attempts=1, max_retries=9)
    assert give_back(str(run.pk), 1, STOPPED)
    run.refresh_from_db()
    assert run.status == Status.FAILED


def test_what_is_no_run_is_not_given_back(db: None) -> None:
    assert not give_back("no id", 1, DIED)


def test_an_attempt_is_held_until_its_outcome_is_written(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.QUEUED)
    held.note(run.pk, 7)
    PluginJob.create("wasm_plugins.tasks.perform_run", args=[str(run.pk)], id=str(run.pk), **_queue_options()).perform()
    assert held.attempt_of(str(run.pk)) == 0
    run.refresh_from_db()
    assert run.status == Status.FINISHED


def _queue_options() -> dict[str, Any]:
    with opened_queue("default") as queue:
        return {"connection": queue.connection, "serializer": queue.serializer}


@pytest.mark.parametrize(
    "text", ["", "x" * 36, "5A0C1F0E-0000-4000-8000-000000000000", "5a0c1f0e00004000800000000000000000"]
)
def test_an_id_is_exactly_as_python_writes_it(text: str) -> None:
    assert parse_run_id(text) is None


def test_a_job_that_was_queued_is_read_back_as_it_was(rq_queue: str, plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin)
    with opened_queue("default") as queue:
        queue.enqueue_call("wasm_plugins.tasks.perform_run", args=(str(run.pk),), job_id=str(run.pk), timeout=35)
    job = PluginJob.fetch(str(run.pk), connection=queue.connection, serializer=queue.serializer)
    assert isinstance(job, PluginJob)
    assert (job.refusal, job.args, job.timeout, job.origin) == ("", [str(run.pk)], 35, "default")
    assert job.get_status() == JobStatus.QUEUED
    assert job.enqueued_at is not None
    assert job.perform() == "finished"
    assert get_queue("default").count == 1


def test_attempts_that_are_spared_leave_the_retries_as_they_were(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.RUNNING, attempts=MOST_SPARED + 1, spared=MOST_SPARED, max_retries=1)
    assert give_back(str(run.pk), run.attempts, DIED)
    run.refresh_from_db()
    assert (run.status, run.spared) == (Status.PENDING, MOST_SPARED)


def test_what_is_held_is_seen_by_the_parent_and_not_by_the_next_worker(plugin: Plugin, make_run: MakeRun) -> None:
    run, other = make_run(plugin), make_run(plugin)
    held.begin()
    if (pid := os.fork()) == 0:
        held.note(run.pk, 3)
        os._exit(0)
    os.waitpid(pid, 0)
    assert (held.attempt_of(str(run.pk)), held.attempt_of(str(other.pk))) == (3, 0)
    held.begin()
    assert held.attempt_of(str(run.pk)) == 0
