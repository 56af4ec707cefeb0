"""The sweeper: it finds runs that nobody works on, and of several sweepers one handles each."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone
from django_rq import get_connection, get_queue
from pytest_django import Settings
from rq.job import Job, JobStatus

from project.stack.parts import free_ports
from tests.components import json_handler, ok
from tests.tasks.installed import Install, MakeRun
from wasm_plugins.models import AuditEntry, Plugin, TaskRun
from wasm_plugins.outbox import outbox
from wasm_plugins.tasks import SweepReport, sweep
from wasm_plugins.tasks.outcome import MOST_SPARED
from wasm_plugins.tasks.queueing import enqueue
from wasm_plugins.tasks.record import give_back
from wasm_plugins.tasks.worker import DIED

pytestmark = pytest.mark.django_db(transaction=True)
Status = TaskRun.Status


@pytest.fixture
def plugin(install: Install, rq_queue: str) -> Plugin:
    """A plugin whose task ``recount`` answers at once, and an empty queue."""
    return install("loyalty", {"recount": json_handler(ok("{}"))})


def _ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)


def _jobs() -> list[str]:
    return get_queue("default").job_ids


def test_nothing_to_do_is_reported_as_such() -> None:
    assert sweep().as_json() == {"enqueued": 0, "requeued": 0, "retried": 0, "failed": 0}


def test_a_run_that_was_never_queued_is_queued(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, created_at=_ago(60))
    assert sweep() == SweepReport(enqueued=1)
    run.refresh_from_db()
    assert run.status == Status.QUEUED
    assert _jobs() == [str(run.pk)]


def test_a_new_run_is_left_to_whoever_wrote_it(plugin: Plugin, make_run: MakeRun) -> None:
    make_run(plugin)
    assert sweep() == SweepReport()


def test_a_retry_is_queued_when_due_and_not_before(plugin: Plugin, make_run: MakeRun) -> None:
    make_run(plugin, attempts=1, due_at=timezone.now() + timedelta(seconds=8))
    assert sweep() == SweepReport()
    assert sweep(timezone.now() + timedelta(seconds=9)) == SweepReport(enqueued=1)


def test_without_redis_everything_waits(plugin: Plugin, make_run: MakeRun, settings: Settings) -> None:
    away = f"redis://127.0.0.1:{free_ports(1)[0]}/0"
    settings.RQ_QUEUES = {"default": {**settings.RQ_QUEUES["default"], "URL": away}}
    waiting = [make_run(plugin, created_at=_ago(60)) for _ in range(3)]
    queued = make_run(plugin, status=Status.QUEUED, due_at=_ago(60))
    assert sweep() == SweepReport()
    assert {each.status for each in TaskRun.objects.filter(pk__in=[run.pk for run in waiting])} == {Status.PENDING}
    queued.refresh_from_db()
    assert queued.status == Status.QUEUED


def test_a_job_that_redis_lost_is_queued_again(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.QUEUED, due_at=_ago(60))
    assert sweep() == SweepReport(requeued=1)
    assert _jobs() == [str(run.pk)]


def test_a_job_whose_place_in_the_queue_was_lost_is_queued_again(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin)
    enqueue(run)
    get_connection("default").delete(get_queue("default").key)
    assert sweep(timezone.now() + timedelta(seconds=60)) == SweepReport(requeued=1)
    assert _jobs() == [str(run.pk)]


def test_a_job_that_waits_for_its_turn_is_left_alone(plugin: Plugin, make_run: MakeRun) -> None:
    for _ in range(3):
        enqueue(make_run(plugin))
    assert sweep(timezone.now() + timedelta(hours=1)) == SweepReport()
    assert len(_jobs()) == 3


def test_a_job_that_a_worker_is_about_to_perform_is_left_alone(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin)
    enqueue(run)
    job = get_queue("default").fetch_job(str(run.pk))
    assert job is not None
    get_queue("default").remove(job)
    job.set_status(JobStatus.STARTED)
    assert sweep(timezone.now() + timedelta(seconds=30)) == SweepReport()


def test_a_job_that_was_begun_long_ago_without_claiming_its_run_is_queued_again(
    plugin: Plugin, make_run: MakeRun
) -> None:
    run = make_run(plugin)
    enqueue(run)
    job = get_queue("default").fetch_job(str(run.pk))
    assert job is not None
    get_queue("default").remove(job)
    job.set_status(JobStatus.STARTED)
    assert sweep(timezone.now() + timedelta(minutes=2)) == SweepReport(requeued=1)
    assert _jobs() == [str(run.pk)]


def test_a_job_that_lies_between_queue_and_worker_is_queued_again(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin)
    enqueue(run)
    queue = get_queue("default")
    get_connection("default").lmove(queue.key, queue.intermediate_queue_key)
    assert sweep(timezone.now() + timedelta(seconds=30)) == SweepReport(requeued=1)
    assert _jobs() == [str(run.pk)]


def test_a_job_that_ended_before_the_run_began_is_tried_later_and_later(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, created_at=_ago(100))
    enqueue(TaskRun.objects.get(pk=run.pk))
    job = get_queue("default").fetch_job(str(run.pk))
    assert job is not None
    job.set_status(JobStatus.FAILED)
    now = timezone.now() + timedelta(seconds=20)
    assert sweep(now) == SweepReport(requeued=1)
    run.refresh_from_db()
    assert (run.status, run.error_code, run.attempts) == (Status.PENDING, "run-not-started", 0)
    assert (run.due_at - now).total_seconds() == pytest.approx(120, abs=2)


def test_a_requeued_job_does_not_expire_with_its_predecessor(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin)
    enqueue(run)
    connection = get_connection("default")
    connection.expire(Job.key_for(str(run.pk)), 500)
    TaskRun.objects.filter(pk=run.pk).update(status=Status.PENDING, attempts=1, due_at=_ago(1))
    assert sweep() == SweepReport(enqueued=1)
    assert connection.ttl(Job.key_for(str(run.pk))) == -1
    assert _jobs() == [str(run.pk)]


def test_a_run_whose_lease_is_over_is_tried_again_and_that_costs_no_retry(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.RUNNING, attempts=1, max_retries=0, lease_until=_ago(1))
    assert sweep() == SweepReport(retried=1)
    run.refresh_from_db()
    assert (run.status, run.error_code, run.spared, run.lease_until) == (Status.PENDING, "run-lost", 1, None)
    assert run.due_at > timezone.now()


def test_a_run_that_loses_every_worker_fails_in_the_end(plugin: Plugin, make_run: MakeRun) -> None:
    lost = {"status": Status.RUNNING, "lease_until": _ago(1), "spared": MOST_SPARED}
    run = make_run(plugin, attempts=MOST_SPARED + 1, max_retries=0, **lost)
    assert sweep() == SweepReport(failed=1)
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.FAILED, "run-lost")


def test_a_run_whose_lease_is_renewed_is_left_alone(plugin: Plugin, make_run: MakeRun) -> None:
    columns = {"started_at": _ago(3_600), "lease_until": timezone.now() + timedelta(seconds=20)}
    make_run(plugin, status=Status.RUNNING, attempts=1, **columns)
    assert sweep() == SweepReport()


def test_a_run_of_a_worker_that_knows_no_leases_is_left_to_it_for_its_timeout(
    plugin: Plugin, make_run: MakeRun
) -> None:
    columns = {"status": Status.RUNNING, "attempts": 1, "timeout_s": 100, "lease_until": None}
    make_run(plugin, started_at=_ago(150), heartbeat_at=_ago(150), **columns)
    make_run(plugin, started_at=_ago(170), heartbeat_at=_ago(170), **columns)
    assert sweep() == SweepReport(retried=1)


def test_of_several_sweepers_one_handles_each_run(plugin: Plugin, make_run: MakeRun) -> None:
    for _ in range(20):
        make_run(plugin, created_at=_ago(60))
        make_run(plugin, status=Status.QUEUED, due_at=_ago(60))
        make_run(plugin, status=Status.RUNNING, attempts=1, lease_until=_ago(60))
    reports: list[SweepReport] = []
    start = threading.Barrier(4)

    def sweep_with_the_others() -> None:
        start.wait()
        reports.append(sweep())
        connections.close_all()

    threads = [threading.Thread(target=sweep_with_the_others) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(each.enqueued for each in reports) == 20
    assert sum(each.requeued for each in reports) == 20
    assert sum(each.retried for each in reports) == 20
    assert len(_jobs()) == len(set(_jobs())) == 40


def test_an_attempt_whose_process_was_killed_leaves_an_audit_entry(plugin: Plugin, make_run: MakeRun) -> None:
    ann = User.objects.create_user("ann")
    run = make_run(plugin, status=Status.RUNNING, attempts=2, requested_by=ann, lease_until=_ago(1))
    sweep()
    outbox.flush()
    entry = AuditEntry.objects.get(act="task")
    assert (entry.outcome, entry.username, entry.plugin, entry.subject) == ("lost", "ann", "loyalty", "recount")
    assert entry.details == {"run": str(run.pk), "attempt": 2}
    sweep()
    outbox.flush()
    assert AuditEntry.objects.filter(outcome="lost").count() == 1


def test_so_does_one_that_its_worker_gives_back(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.RUNNING, attempts=1)
    assert give_back(str(run.pk), 1, DIED)
    outbox.flush()
    assert AuditEntry.objects.get(act="task").outcome == "lost"
