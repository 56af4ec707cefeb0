"""Real RQ workers on real PostgreSQL and Redis: what they perform, and what is found again after they died."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as project_settings
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone
from django_rq import get_connection, get_queue
from django_rq.settings import get_queues_map
from pytest_django import Settings

from project.stack.parts import free_ports
from project.stack.processes import Child, running
from tests.components import Function, err, json_handler, ok, progress, spin, sql, trap
from tests.tasks.installed import install_plugin
from wasm_plugins.models import TaskRun, VersionHealth
from wasm_plugins.registry import mark_changed, registry
from wasm_plugins.tasks import SweepReport, request_run, sweep
from wasm_plugins.tasks.lease import GRACE_S

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("rq_queue")]
Status = TaskRun.Status
StartWorker = Callable[..., AbstractContextManager[Child]]


@pytest.fixture(autouse=True)
def shared_storage(settings: Settings) -> None:
    """Keep plugins where the workers look for them."""
    folder = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(project_settings.DATA_DIR / "plugins")},
    }
    settings.STORAGES = {**settings.STORAGES, "plugins": folder}


@pytest.fixture
def start_worker(child_environment: dict[str, str], tmp_path: Path) -> StartWorker:
    """Run a worker as operators do, until a block ends."""

    def start(*command: str) -> AbstractContextManager[Child]:
        root = project_settings.BASE_DIR
        arguments = [sys.executable, str(root / "manage.py"), *(command or ("plugins", "worker"))]
        return running(
            "worker",
            arguments,
            log_path=tmp_path / "worker.log",
            folder=root,
            environment=child_environment,
            grace_s=2,
        )

    return start


@pytest.fixture
def worker(start_worker: StartWorker) -> Iterator[Child]:
    """A worker that runs."""
    with start_worker() as child:
        yield child


@pytest.fixture(autouse=True)
def forgetful_registry() -> Iterator[None]:
    """Begin and end without knowing any plugin."""
    registry.invalidate()
    yield
    registry.invalidate()


def _install(task: Function, **declared: int) -> None:
    """Install a plugin, or its next version, whose task ``recount`` may add to ``auth_group``."""
    tables = {"auth_group": ["select", "insert"]}
    install_plugin("loyalty", {"recount": task}, declared=declared, tables=tables)


def _ask() -> TaskRun:
    return request_run(plugin="loyalty", handler="recount", input_text="{}")


def _wait(run: TaskRun, is_so: Callable[[TaskRun], bool], timeout_s: float = 30.0) -> TaskRun:
    """Return the row as soon as it is as wanted."""
    give_up_at = time.monotonic() + timeout_s
    while True:
        run.refresh_from_db()
        if is_so(run):
            return run
        assert time.monotonic() < give_up_at, (run.status, run.error_code, run.error)
        time.sleep(0.05)


def _is_over(run: TaskRun) -> bool:
    return run.status in (Status.FINISHED, Status.FAILED)


def _is_running(run: TaskRun) -> bool:
    return run.status == Status.RUNNING


def _work_horses(worker: Child) -> list[int]:
    pid = worker.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _work_horse(worker: Child) -> int:
    (horse,) = _work_horses(worker)
    return horse


def _in_a_minute() -> SweepReport:
    return sweep(timezone.now() + timedelta(seconds=60))


ADD_GROUP = sql("INSERT INTO auth_group (name) VALUES ($1)", "added")


def test_a_worker_performs_what_was_asked_for(worker: Child) -> None:
    _install(json_handler(ok('{"recounted": 3}', first=[ADD_GROUP])))
    run = _wait(_ask(), _is_over)
    assert (run.status, run.result, run.attempts) == (Status.FINISHED, '{"recounted": 3}', 1)
    assert Group.objects.count() == 1


def test_a_job_that_is_delivered_twice_is_performed_once(start_worker: StartWorker) -> None:
    _install(json_handler(ok("{}", first=[ADD_GROUP])))
    run = _ask()
    queue = get_queue("default")
    queue.push_job_id(str(run.pk))
    assert queue.count == 2
    with start_worker():
        _wait(run, lambda row: _is_over(row) and queue.count == 0)
        time.sleep(0.5)
    run.refresh_from_db()
    assert (run.status, run.attempts) == (Status.FINISHED, 1)


def test_what_was_asked_for_while_redis_was_away_is_performed_later(worker: Child, settings: Settings) -> None:
    _install(json_handler(ok("{}")))
    there = settings.RQ_QUEUES
    settings.RQ_QUEUES = {"default": {**there["default"], "URL": f"redis://127.0.0.1:{free_ports(1)[0]}/0"}}
    run = _ask()
    assert TaskRun.objects.get(pk=run.pk).status == Status.PENDING
    settings.RQ_QUEUES = there
    assert _in_a_minute() == SweepReport(enqueued=1)
    assert _wait(run, _is_over).status == Status.FINISHED


def test_what_redis_forgot_is_performed_once(start_worker: StartWorker) -> None:
    _install(json_handler(ok("{}")))
    runs = [_ask() for _ in range(3)]
    get_connection("default").flushall()
    assert _in_a_minute() == SweepReport(requeued=3)
    with start_worker():
        assert [_wait(run, _is_over).attempts for run in runs] == [1, 1, 1]


def test_a_run_whose_work_horse_was_killed_is_performed_again(worker: Child) -> None:
    _install(json_handler(spin(first=[ADD_GROUP, progress(1, "begun")])), timeout_s=60, max_retries=1)
    run = _wait(_ask(), lambda row: row.progress_percent == 1)
    _install(json_handler(ok("{}", first=[ADD_GROUP])), max_retries=1)
    os.kill(_work_horse(worker), signal.SIGKILL)
    _wait(run, lambda row: row.status == Status.PENDING)  # its parent gives it back at once
    assert not Group.objects.exists()
    assert _in_a_minute() == SweepReport(enqueued=1)
    run = _wait(run, _is_over)
    assert (run.status, run.attempts) == (Status.FINISHED, 2)
    assert Group.objects.count() == 1


@pytest.mark.slow
def test_wherever_a_work_horse_is_killed_what_the_run_does_is_done_once(worker: Child) -> None:
    _install(json_handler(ok("{}", first=[ADD_GROUP])), max_retries=20)
    chance = random.Random(7)
    for _ in range(8):
        Group.objects.all().delete()
        VersionHealth.objects.all().delete()  # a second death in the midst of a call would end it in quarantine
        mark_changed()
        run = _ask()
        time.sleep(chance.uniform(0.0, 0.12))
        for horse in _work_horses(worker):
            os.kill(horse, signal.SIGKILL)
        _wait(run, _is_over_or_swept)
        assert (run.status, Group.objects.count()) == (Status.FINISHED, 1)


def _is_over_or_swept(run: TaskRun) -> bool:
    """Let a sweeper look from a minute ahead, unless the run is in somebody's hands right now."""
    if run.heartbeat_at is None or timezone.now() - run.heartbeat_at > timedelta(seconds=1):
        _in_a_minute()
        TaskRun.objects.filter(pk=run.pk, status=Status.PENDING).update(due_at=timezone.now())
    return _is_over(run)


def test_a_run_whose_worker_was_killed_with_all_its_children_is_found(start_worker: StartWorker) -> None:
    _install(json_handler(spin()), timeout_s=60)
    with start_worker() as worker:
        run = _wait(_ask(), _is_running)
        horse = _work_horse(worker)
        worker.process.kill()
        os.kill(horse, signal.SIGKILL)
    assert sweep() == SweepReport()
    assert _in_a_minute() == SweepReport(retried=1)
    run.refresh_from_db()
    assert (run.status, run.error_code, run.attempts) == (Status.PENDING, "run-lost", 1)


def test_progress_is_seen_while_a_run_goes_on(worker: Child) -> None:
    _install(json_handler(spin(first=[progress(30, "counting")])), timeout_s=3)
    run = _wait(_ask(), lambda row: row.progress_percent is not None)
    assert (run.status, run.progress_percent, run.progress_message) == (Status.RUNNING, 30, "counting")
    assert _wait(run, _is_over).progress_percent == 30


@pytest.mark.slow
def test_a_run_that_is_silent_for_long_is_not_taken_for_lost(worker: Child) -> None:
    _install(json_handler(spin()), timeout_s=14)
    run = _wait(_ask(), _is_running)
    time.sleep(12)
    assert sweep(timezone.now() + timedelta(seconds=22)) == SweepReport()
    assert _wait(run, _is_over).error_code == "deadline-exceeded"


def test_a_spinning_plugin_ends_at_its_deadline_long_before_rq_would_end_it(worker: Child) -> None:
    _install(json_handler(spin()), timeout_s=2)
    run = _wait(_ask(), _is_over)
    assert run.error_code == "deadline-exceeded"
    assert run.started_at is not None and run.finished_at is not None
    assert (run.finished_at - run.started_at).total_seconds() < 2 + GRACE_S / 4


@pytest.mark.parametrize(
    ("task", "code"),
    [(json_handler(trap()), "plugin-trapped"), (json_handler(err("not now")), "plugin-failed")],
)
def test_a_run_that_fails_is_tried_as_often_as_declared(worker: Child, task: Function, code: str) -> None:
    _install(task, max_retries=2)
    run = _ask()
    for attempt in (1, 2):
        _wait(run, lambda row: row.status == Status.PENDING)
        assert run.attempts == attempt
        assert sweep() == SweepReport()
        TaskRun.objects.filter(pk=run.pk).update(due_at=timezone.now())
        assert sweep() == SweepReport(enqueued=1)
    run = _wait(run, _is_over)
    assert (run.status, run.attempts, run.error_code) == (Status.FAILED, 3, code)


def test_rqs_own_command_with_our_worker_class_needs_no_other_option(start_worker: StartWorker) -> None:
    _install(json_handler(ok("{}", first=[ADD_GROUP])))
    run = _ask()
    with start_worker("rqworker", "default", "--worker-class", "wasm_plugins.tasks.PluginWorker"):
        assert _wait(run, _is_over).status == Status.FINISHED


def test_a_worker_with_the_wrong_serializer_loses_nothing(start_worker: StartWorker) -> None:
    _install(json_handler(ok("{}")))
    run = _ask()
    with start_worker("rqworker", "default"):
        _wait(run, lambda row: get_queue("default").failed_job_registry.count == 1)
        assert _in_a_minute() == SweepReport(requeued=1)
    run.refresh_from_db()
    assert (run.status, run.error_code, run.attempts) == (Status.PENDING, "run-not-started", 0)
    with start_worker():
        sweep(timezone.now() + timedelta(minutes=20))
        assert _wait(run, _is_over).status == Status.FINISHED


def test_the_pages_of_django_rq_show_our_jobs(start_worker: StartWorker, admin_client: object) -> None:
    from django.test import Client

    assert isinstance(admin_client, Client)
    _install(json_handler(ok("{}")))
    index = get_queues_map()["default"]
    run = _ask()

    def shown(name: str, *args: object) -> str:
        answer = admin_client.get(reverse(f"django_rq:{name}", args=args))
        assert answer.status_code == 200, name
        return answer.content.decode()

    for page in (shown("jobs", index), shown("job_detail", index, run.pk)):
        assert str(run.pk) in page
        assert "wasm_plugins.tasks.perform_run" in page
    with start_worker():
        _wait(run, _is_over)
        time.sleep(0.5)
        shown("home")
        shown("workers", index)
        assert str(run.pk) in shown("finished_jobs", index)
        assert "wasm_plugins.tasks.perform_run" in shown("job_detail", index, run.pk)
