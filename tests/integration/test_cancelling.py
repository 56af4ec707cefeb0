"""A run that is cancelled while a real worker performs it: stopped within moments, undone, and the next one goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from pytest_django import Settings

from project.stack.processes import Child
from tests.components import Function, json_handler, ok, progress, sleep, spin, sql
from tests.tasks.installed import install_plugin
from tests.workers import Workers, is_over, share_plugins, wait
from wasm_plugins.exceptions import RunSettled
from wasm_plugins.models import AuditEntry, Plugin, TaskRun
from wasm_plugins.registry import registry
from wasm_plugins.tasks import cancel_run, request_run, retry_run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("rq_queue")]
Status = TaskRun.Status

ADD_GROUP = sql("INSERT INTO auth_group (name) VALUES ($1)", "added")
STOPPED_WITHIN_S = 10.0
"""On a machine that is busy; alone it takes one to two seconds."""


@pytest.fixture(autouse=True)
def forgetful_registry(settings: Settings) -> Iterator[None]:
    """Begin and end without knowing any plugin, and keep them where the workers look."""
    share_plugins(settings)
    registry.invalidate()
    yield
    registry.invalidate()


@pytest.fixture
def worker(child_environment: dict[str, str], tmp_path: Path) -> Iterator[Child]:
    """A worker that runs."""
    with Workers(tmp_path, child_environment).start() as child:
        yield child


def _install(task: Function) -> None:
    install_plugin(
        "loyalty", {"recount": task}, declared={"timeout_s": 300}, tables={"auth_group": ["select", "insert"]}
    )


def _ask() -> TaskRun:
    return request_run(plugin="loyalty", handler="recount", input_text="{}")


def _entry(outcome: str) -> AuditEntry:
    give_up_at = time.monotonic() + STOPPED_WITHIN_S
    while (entry := AuditEntry.objects.filter(act="task", outcome=outcome).first()) is None:
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
    return entry


@pytest.mark.parametrize("endless", [spin, lambda first: sleep(300)], ids=["computes", "sleeps"])
def test_a_run_that_goes_on_is_stopped_and_undone(worker: Child, endless: Callable[..., object]) -> None:
    _install(json_handler(endless(first=[ADD_GROUP, progress(5, "begun")])))  # type: ignore[arg-type]
    run = wait(_ask(), lambda row: row.status == Status.RUNNING)
    time.sleep(0.5)  # it is in wasm by then, or soon
    cancel_run(run.pk)
    assert _entry("call-stopped").subject == "recount"
    run.refresh_from_db()
    assert (run.status, run.attempts) == (Status.CANCELLED, 1)
    assert not Group.objects.exists()
    _install(json_handler(ok("{}", first=[ADD_GROUP])))
    again = wait(retry_run(run.pk), is_over)
    assert (again.status, Group.objects.count()) == (Status.FINISHED, 1)
    with pytest.raises(RunSettled, match="second time"):
        retry_run(again.pk)


def test_what_is_cancelled_in_the_queue_never_begins(child_environment: dict[str, str], tmp_path: Path) -> None:
    _install(json_handler(ok("{}", first=[ADD_GROUP])))
    cancelled, other = _ask(), _ask()
    cancel_run(cancelled.pk)
    with Workers(tmp_path, child_environment).start():
        wait(other, is_over)
    cancelled.refresh_from_db()
    assert (cancelled.status, cancelled.attempts) == (Status.CANCELLED, 0)
    assert Group.objects.count() == 1


def test_of_finishing_and_cancelling_the_row_lock_lets_one_win() -> None:
    _install(json_handler(ok("{}")))
    columns = {"handler": "recount", "input": "{}", "queue": "default", "timeout_s": 5, "attempts": 1}
    run = TaskRun.objects.create(plugin=Plugin.objects.get(), status="running", **columns)
    said: list[str] = []

    def cancel() -> None:
        try:
            said.append(cancel_run(run.pk).status)
        except RunSettled as error:
            said.append(error.code)
        finally:
            connection.close()

    thread = threading.Thread(target=cancel)
    with transaction.atomic():  # as an attempt that has written its outcome, and commits
        assert TaskRun.objects.filter(pk=run.pk, status="running", attempts=1).update(status="finished")
        thread.start()
        thread.join(0.5)
        assert said == []
    thread.join(10)
    run.refresh_from_db()
    assert (said, run.status) == (["run-settled"], Status.FINISHED)
