"""Clocks that are wrong, and clocks that jump: deadlines go by the monotonic one, leases by the database's."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from tests.components import Function, by_attempt, json_handler, ok, plugin_component, progress, spin
from tests.installed import install
from tests.tasks.installed import install_plugin
from tests.workers import Workers, is_over, wait, work_horses
from wasm_plugins import get_plugin_manager
from wasm_plugins.exceptions import DeadlineExceeded
from wasm_plugins.models import TaskRun
from wasm_plugins.tasks import SweepReport, request_run, sweep
from wasm_plugins.tasks.lease import database_now

pytestmark = pytest.mark.django_db(transaction=True)

HOUR_S = 3_600
LEASE_S = 3
SKEWED = """
import time
from datetime import timedelta
from django.utils import timezone
_now, _time = timezone.now, time.time
timezone.now = lambda: _now() + timedelta(seconds={skew_s})
time.time = lambda: _time() + {skew_s}
"""


@contextmanager
def _clock_off_by(monkeypatch: pytest.MonkeyPatch, skew_s: float) -> Iterator[None]:
    """Have this process believe that it is earlier or later."""
    now, moment = timezone.now, time.time
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: now() + timedelta(seconds=skew_s))
        patch.setattr(time, "time", lambda: moment() + skew_s)
        yield


@pytest.mark.parametrize(
    "step_s", [HOUR_S, -HOUR_S, 1, -1], ids=["an hour on", "an hour back", "a leap", "a leap back"]
)
def test_if_13_a_clock_that_jumps_during_a_call_moves_no_deadline(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, step_s: int
) -> None:
    install(plugin_component("loyalty", tasks={"recount": json_handler(spin())}))
    settings.WASM_PLUGINS_TASK_DEADLINE_MS = 1_000
    is_over_now = threading.Event()

    def jump() -> None:
        time.sleep(0.3)
        with _clock_off_by(monkeypatch, step_s):
            is_over_now.wait(10)

    get_plugin_manager().reload()
    jumping = threading.Thread(target=jump)
    jumping.start()
    began_at = time.monotonic()
    try:
        with pytest.raises(DeadlineExceeded):
            get_plugin_manager().execute_task("loyalty/recount", {})
        elapsed_s = time.monotonic() - began_at
    finally:
        is_over_now.set()
        jumping.join()
    assert 0.9 < elapsed_s < 6


def _ask(task: Function, timeout_s: int = 5) -> TaskRun:
    install_plugin("loyalty", {"recount": task}, declared={"timeout_s": timeout_s})
    return request_run(plugin="loyalty", handler="recount", input_text="{}")


@pytest.mark.parametrize("skew_s", [HOUR_S, -HOUR_S], ids=["fast", "slow"])
def test_if_13_the_run_of_a_worker_whose_clock_is_wrong_is_left_to_it(workers: Workers, skew_s: int) -> None:
    run = _ask(json_handler(spin(first=[progress(1, "begun")])))
    settings = {"WASM_PLUGINS_LEASE_S": LEASE_S}
    with workers.start(settings=settings, code=SKEWED.format(skew_s=skew_s)):
        wait(run, lambda row: row.progress_percent == 1)
        while not is_over(run):
            assert sweep() == SweepReport()
            time.sleep(0.3)
            run.refresh_from_db()
    assert (run.error_code, run.attempts) == ("deadline-exceeded", 1)
    assert run.started_at is not None and run.finished_at is not None
    assert 4 < (run.finished_at - run.started_at).total_seconds() < 15
    assert abs((run.finished_at - database_now("default")).total_seconds()) < 60


@pytest.mark.parametrize("skew_s", [HOUR_S, -HOUR_S], ids=["fast", "slow"])
def test_if_13_a_sweeper_whose_clock_is_wrong_takes_nothing_that_is_held_and_finds_what_is_lost(
    workers: Workers, monkeypatch: pytest.MonkeyPatch, skew_s: int
) -> None:
    run = _ask(json_handler(by_attempt(spin(first=[progress(1, "begun")]), ok("{}"))), timeout_s=60)
    with workers.start(settings={"WASM_PLUGINS_LEASE_S": LEASE_S}) as worker:
        wait(run, lambda row: row.progress_percent == 1)
        with _clock_off_by(monkeypatch, skew_s):
            assert sweep() == SweepReport()
        horses = work_horses(worker)
        worker.process.kill()
        worker.process.wait()
        for horse in horses:
            os.kill(horse, signal.SIGKILL)
    with _clock_off_by(monkeypatch, skew_s):
        wait(run, lambda row: sweep().retried == 1, timeout_s=15)
    run.refresh_from_db()
    assert (run.status, run.error_code, run.attempts) == (TaskRun.Status.PENDING, "run-lost", 1)


@pytest.mark.parametrize("skew_s", [HOUR_S, -HOUR_S], ids=["fast", "slow"])
def test_if_13_what_a_host_with_a_wrong_clock_asks_for_is_queued_in_time(
    workers: Workers, monkeypatch: pytest.MonkeyPatch, settings: Settings, skew_s: int
) -> None:
    there = settings.RQ_QUEUES
    away = {"default": {**there["default"], "URL": "redis://127.0.0.1:1/0"}}
    settings.RQ_QUEUES = away
    with _clock_off_by(monkeypatch, skew_s):
        run = _ask(json_handler(ok("{}")))
    settings.RQ_QUEUES = there
    assert sweep(database_now("default") + timedelta(seconds=10)) == SweepReport(enqueued=1)
    with workers.start(code=SKEWED.format(skew_s=-skew_s)):
        assert wait(run, is_over).attempts == 1
