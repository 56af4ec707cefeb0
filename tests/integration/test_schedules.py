"""Three schedulers and three workers as in production, 200 due times: 200 runs, whoever is killed in the midst."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as project_settings
from django.db.models import F
from pytest_django import Settings

from project.stack.processes import Child, running
from tests.components import json_handler, plugin_component
from tests.installed import install
from tests.keyvalue_components import increment, keeping
from tests.workers import Workers, share_plugins
from wasm_plugins.models import KeyValue, Task, TaskRun
from wasm_plugins.registry import registry

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

TASKS = tuple(f"count-{letter}" for letter in "abcdefghij")
DAYS = 20
DAILY = "0 0 * * *"
SETTINGS = {
    "WASM_PLUGINS_SCHEDULE_MISSED": "all",
    "WASM_PLUGINS_SCHEDULE_TIME_ZONE": "UTC",
    "WASM_PLUGINS_LEASE_S": 2,
    "WASM_PLUGINS_SYNC_INTERVAL_S": 0,
}


@dataclass(frozen=True)
class Fleet:
    """The processes that serve schedules."""

    schedulers: list[Child]
    workers: list[Child]


@pytest.fixture
def fleet(child_environment: dict[str, str], tmp_path: Path, settings: Settings, rq_queue: str) -> Iterator[Fleet]:
    """Start three schedulers and three workers on this run's servers."""
    share_plugins(settings)
    registry.invalidate()
    environment = Workers(tmp_path, child_environment).with_settings(SETTINGS)
    command = [sys.executable, str(project_settings.BASE_DIR / "manage.py"), "plugins"]
    with ExitStack() as stack:

        def start(name: str, *options: str) -> Child:
            return stack.enter_context(
                running(
                    name,
                    [*command, *options],
                    log_path=tmp_path / f"{name}.log",
                    folder=project_settings.BASE_DIR,
                    environment=environment,
                    grace_s=2,
                )
            )

        yield Fleet(
            [start(f"scheduler-{number}", "scheduler", "--every", "0.2") for number in range(3)],
            [start(f"worker-{number}", "worker", "--simple") for number in range(3)],
        )
    registry.invalidate()


def _install(name: str) -> None:
    """Install a plugin with ten daily tasks, each of which adds 1 to a number that the plugin keeps."""
    tasks = {task: json_handler(keeping(increment("runs", 1))) for task in TASKS}
    toml = "".join(f'[tasks.{task}]\nschedule = "{DAILY}"\nmax_retries = 5\n' for task in TASKS)
    install(plugin_component(name, tasks=tasks, toml=toml), grants={"keyvalue": {}})


def _make_due(name: str) -> set[tuple[str, datetime]]:
    """Let no scheduler have looked for twenty days, and return what is due."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = Task.objects.filter(plugin__name=name)
    rows.update(scheduled_as=f"{DAILY} UTC", scheduled_until=today - timedelta(days=DAYS))
    return {(task, today - timedelta(days=back)) for task in TASKS for back in range(DAYS)}


def _until(is_so: Callable[[], bool], timeout_s: float = 60) -> None:
    give_up_at = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < give_up_at, list(TaskRun.objects.values_list("status", "error_code", "error")[:5])
        time.sleep(0.1)


def _counts(name: str) -> tuple[int, int]:
    """Return how many runs there are, and how many of them have finished."""
    runs = TaskRun.objects.filter(plugin__name=name)
    return runs.count(), runs.filter(status=TaskRun.Status.FINISHED).count()


def _check(name: str, due: set[tuple[str, datetime]]) -> None:
    runs = TaskRun.objects.filter(plugin__name=name)
    found = list(runs.values_list("handler", "scheduled_for"))
    assert len(found) == len(due) == 200
    assert set(found) == due
    assert set(runs.values_list("status", flat=True)) == {TaskRun.Status.FINISHED}
    assert bytes(KeyValue.objects.get(plugin__name=name).value) == b"200"
    assert list(Task.objects.filter(plugin__name=name).values_list("missed_runs", flat=True)) == [0] * len(TASKS)


def test_of_200_due_times_each_has_one_run_also_when_a_scheduler_and_a_worker_are_killed(fleet: Fleet) -> None:
    _install("calm")
    due = _make_due("calm")
    _until(lambda: _counts("calm") == (200, 200))
    _check("calm", due)

    _install("stormy")
    due = _make_due("stormy")
    _until(lambda: _counts("stormy") >= (40, 0))
    _kill(fleet.schedulers[0])
    _until(lambda: _counts("stormy")[1] >= 20)
    _kill(fleet.workers[0])
    assert _counts("stormy")[1] < 200
    _until(lambda: _counts("stormy")[0] == 200)
    _until(lambda: _time_passed_until_all_have_finished("stormy"))
    _check("stormy", due)
    assert _counts("calm") == (200, 200)


def _kill(child: Child) -> None:
    """Kill a process with SIGKILL."""
    child.process.kill()
    child.process.wait()


def _time_passed_until_all_have_finished(name: str) -> bool:
    """Tell whether all have; what the killed ones left behind is taken for a minute older at each look.

    That is how long a job may lie in Redis that a worker took and never began.
    """
    before = _counts(name)
    if before[1] == 200:
        return True
    time.sleep(1)
    if _counts(name) == before:  # nobody works on what is left
        TaskRun.objects.filter(plugin__name=name, status=TaskRun.Status.QUEUED).update(
            due_at=F("due_at") - timedelta(minutes=1)
        )
    return False
