"""Workers that die or are stopped in the middle of a run: it runs again, with the same key, and its effect is one."""

from __future__ import annotations

import http.client
import os
import random
import signal
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as project_settings
from django.contrib.auth.models import Group
from django.db.models import F
from django.utils import timezone
from django_rq import get_connection
from pytest_django import Settings
from rq.command import send_stop_job_command
from rq.serializers import JSONSerializer

from project.stack.parts import free_ports
from project.stack.processes import Child, running
from tests.components import answer_key, by_attempt, json_handler, ok, plugin_component, progress, route, spin, sql
from tests.installed import install, tables
from tests.tasks.installed import install_plugin
from tests.workers import Workers, eventually, is_over, is_pending, wait, work_horses
from wasm_plugins.lifecycle import release
from wasm_plugins.models import Plugin, Route, TaskRun
from wasm_plugins.tasks import request_run, sweep

pytestmark = pytest.mark.django_db(transaction=True)

Status = TaskRun.Status
LEASE_S = 2
TABLES = {"auth_group": ["select", "insert"]}
ADD_GROUP = sql("INSERT INTO auth_group (name) SELECT 'added ' || count(*) FROM auth_group")

Kill = Callable[[Child], None]


def kill_work_horse(worker: Child) -> None:
    """Kill the process that performs the job."""
    for horse in work_horses(worker):
        os.kill(horse, signal.SIGKILL)


def kill_worker(worker: Child) -> None:
    """Kill the process that waits for jobs; the one that performs a job goes on."""
    worker.process.kill()
    worker.process.wait()


def kill_both(worker: Child) -> None:
    """Kill the process that waits for jobs first, so that it cannot tell of its child's death."""
    horses = work_horses(worker)
    kill_worker(worker)
    for horse in horses:
        os.kill(horse, signal.SIGKILL)


@pytest.fixture(autouse=True)
def short_leases(settings: Settings) -> None:
    """Let a run be anybody's after two seconds."""
    settings.WASM_PLUGINS_LEASE_S = LEASE_S


def _ask() -> TaskRun:
    return request_run(plugin="loyalty", handler="recount", input_text="{}")


def _start(workers: Workers) -> AbstractContextManager[Child]:
    return workers.start(settings={"WASM_PLUGINS_LEASE_S": LEASE_S})


def _finish(run: TaskRun) -> TaskRun:
    """Sweep as the scheduler does until the run has ended; what waits for its turn, or is lost in Redis, soon."""

    def is_over_or_swept(row: TaskRun) -> bool:
        sweep()
        if row.status == Status.QUEUED:
            TaskRun.objects.filter(pk=row.pk, status=Status.QUEUED).update(due_at=F("due_at") - timedelta(seconds=5))
        TaskRun.objects.filter(pk=row.pk, status=Status.PENDING).update(due_at=timezone.now() - timedelta(seconds=10))
        return is_over(row)

    return wait(run, is_over_or_swept)


@pytest.mark.parametrize("kill", [kill_work_horse, kill_worker, kill_both], ids=lambda kill: kill.__name__)
def test_if_06_a_run_whose_process_is_killed_runs_again_with_the_same_key(workers: Workers, kill: Kill) -> None:
    task = json_handler(by_attempt(answer_key(spins=True), answer_key()))
    install_plugin("loyalty", {"recount": task}, declared={"timeout_s": 4, "max_retries": 1})
    with _start(workers) as worker:
        run = wait(_ask(), lambda row: row.progress_message != "")
        first_key = run.progress_message
        kill(worker)
    with _start(workers):
        run = _finish(run)
    assert (run.status, run.result, run.attempts) == (Status.FINISHED, first_key, 2)


@pytest.mark.parametrize("kill", [kill_work_horse, kill_worker, kill_both], ids=lambda kill: kill.__name__)
@pytest.mark.slow
def test_if_06_wherever_a_run_is_killed_what_it_does_is_done_once(workers: Workers, kill: Kill) -> None:
    install_plugin("loyalty", {"recount": json_handler(ok("{}", first=[ADD_GROUP]))}, tables=TABLES)
    chance = random.Random(kill.__name__)
    runs = []
    for _ in range(5):
        with _start(workers) as worker:
            runs += [wait(_ask(), is_over), _ask()]  # the first says that the worker is up
            time.sleep(chance.uniform(0.0, 0.1))
            kill(worker)
        release(
            Plugin.objects.get(name="loyalty")
        )  # as an admin does, who knows that it is not the plugin who ends the processes
    with _start(workers):
        assert {_finish(run).status for run in runs} == {Status.FINISHED}
    assert Group.objects.count() == len(runs)


def test_if_06_a_work_horses_death_is_noticed_by_its_parent_before_the_lease_is_over(workers: Workers) -> None:
    task = json_handler(by_attempt(spin(first=[progress(1, "begun")]), ok("{}")))
    install_plugin("loyalty", {"recount": task}, declared={"timeout_s": 60})
    with workers.start() as worker:
        run = wait(_ask(), lambda row: row.progress_percent == 1)
        kill_work_horse(worker)
        run = wait(run, is_pending, timeout_s=5)
    assert (run.error_code, run.attempts, run.spared, run.lease_until) == ("interrupted", 1, 1, None)


def test_if_06_a_worker_that_was_only_asleep_writes_nothing_once_its_run_is_somebody_elses(workers: Workers) -> None:
    late = [progress(1, "begun"), ADD_GROUP]
    task = json_handler(by_attempt(spin(first=late), ok('"second"', first=[ADD_GROUP])))
    install_plugin("loyalty", {"recount": task}, declared={"timeout_s": 5}, tables=TABLES)
    with _start(workers) as worker:
        run = wait(_ask(), lambda row: row.progress_percent == 1)
        sleepers = [worker.process.pid, *work_horses(worker)]
        for pid in sleepers:
            os.kill(pid, signal.SIGSTOP)
        with _start(workers):
            run = _finish(run)
            assert (run.status, run.result, run.attempts) == (Status.FINISHED, '"second"', 2)
            for pid in sleepers:
                os.kill(pid, signal.SIGCONT)
            eventually(lambda: not work_horses(worker))
    run.refresh_from_db()
    assert (run.status, run.result, run.attempts) == (Status.FINISHED, '"second"', 2)
    assert Group.objects.count() == 1


# Stopped on purpose


def _begin_to_spin(timeout_s: int) -> TaskRun:
    begun = [ADD_GROUP, progress(1, "begun")]
    task = json_handler(by_attempt(spin(first=begun), ok("{}", first=[ADD_GROUP])))
    install_plugin("loyalty", {"recount": task}, declared={"timeout_s": timeout_s}, tables=TABLES)
    return _ask()


def test_if_14_sigterm_lets_the_run_that_goes_on_come_to_its_end(workers: Workers) -> None:
    run = _begin_to_spin(timeout_s=3)
    with workers.start(grace_s=20) as worker:
        wait(run, lambda row: row.progress_percent == 1)
        worker.process.terminate()
        assert worker.process.wait(timeout=15) == 0
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.FAILED, "deadline-exceeded")  # its end, though no good one


def test_if_14_stopped_twice_the_run_returns_to_pending_and_is_undone(workers: Workers) -> None:
    run = _begin_to_spin(timeout_s=30)
    with workers.start() as worker:
        _stop_twice(worker, run)
    run.refresh_from_db()
    assert (run.status, run.error_code, run.spared) == (Status.PENDING, "interrupted", 1)
    assert not Group.objects.exists()
    TaskRun.objects.filter(pk=run.pk).update(due_at=timezone.now())
    with workers.start():
        assert _finish(run).status == Status.FINISHED
    assert Group.objects.count() == 1


def test_if_14_stopped_twice_a_worker_without_work_horses_gives_the_run_back_too(workers: Workers) -> None:
    """While wasm runs, Python sees a signal at the next look whether the call is still wanted."""
    run = _begin_to_spin(timeout_s=60)
    with workers.start("--simple") as worker:
        _stop_twice(worker, run)
    run.refresh_from_db()
    assert (run.status, run.error_code, run.spared) == (Status.PENDING, "interrupted", 1)
    assert not Group.objects.exists()


def _stop_twice(worker: Child, run: TaskRun) -> None:
    wait(run, lambda row: row.progress_percent == 1)
    worker.process.terminate()
    time.sleep(1.2)  # what comes within a second RQ takes for the same signal
    worker.process.terminate()
    worker.process.wait(timeout=15)


def test_if_14_sigterm_to_every_process_at_once_returns_the_run_to_pending(workers: Workers) -> None:
    run = _begin_to_spin(timeout_s=20)
    with workers.start() as worker:
        wait(run, lambda row: row.progress_percent == 1)
        for pid in (*work_horses(worker), worker.process.pid):  # as systemd stops a service
            os.kill(pid, signal.SIGTERM)
        assert worker.process.wait(timeout=15) == 0
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.PENDING, "interrupted")
    assert not Group.objects.exists()


def test_if_14_a_worker_without_a_job_ends_at_once(workers: Workers) -> None:
    with workers.start(grace_s=20) as worker:
        eventually(lambda: "Listening on" in workers.log())
        worker.process.terminate()
        assert worker.process.wait(timeout=10) == 0


def test_if_14_a_job_that_somebody_stops_in_rqs_pages_is_not_begun_again(workers: Workers) -> None:
    run = _begin_to_spin(timeout_s=20)
    with workers.start():
        wait(run, lambda row: row.progress_percent == 1)
        send_stop_job_command(get_connection("default"), str(run.pk), serializer=JSONSerializer)
        run = wait(run, is_over, timeout_s=10)
    assert (run.status, run.error_code, run.error) == (Status.FAILED, "interrupted", "Somebody stopped the job in RQ.")


def test_if_14_a_web_worker_that_gunicorn_aborts_leaves_nothing_behind(workers: Workers, tmp_path: Path) -> None:
    spinning = json_handler(spin(first=[ADD_GROUP]))
    pages = [route("/pages/spin", spinning), route("/pages/fine", json_handler(ok('"fine"')))]
    install(plugin_component("pages", routes=pages), grants=tables(**TABLES))
    Route.objects.update(access="public")
    port = free_ports(1)[0]
    environment = workers.with_settings({"WASM_PLUGINS_ROUTE_DEADLINE_MS": 4_000})
    arguments = [sys.executable, "-m", "gunicorn", "project.wsgi", "--bind", f"127.0.0.1:{port}", "--timeout", "1"]
    with running(
        "web",
        [*arguments, "--no-control-socket"],
        log_path=tmp_path / "web.log",
        folder=project_settings.BASE_DIR,
        environment=environment,
    ) as web:
        web.wait_until(lambda: _answer(port, "fine") == b'"fine"')
        assert _answer(port, "spin") == b""
        eventually(lambda: _answer(port, "fine") == b'"fine"')
    assert "WORKER TIMEOUT" in (tmp_path / "web.log").read_text()
    assert not Group.objects.exists()


def _answer(port: int, page: str) -> bytes:
    """Return what a page says, or nothing when there is no answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/plugins/pages/{page}", timeout=10) as answer:
            return bytes(answer.read())
    except (OSError, http.client.HTTPException):
        return b""
