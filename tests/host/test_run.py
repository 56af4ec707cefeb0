"""What a plugin is told of the run that it is called for."""

from __future__ import annotations

import uuid

import pytest

from tests.components import (
    Function,
    answer_key,
    attempt,
    by_attempt,
    idempotency_key,
    json_handler,
    ok,
    plugin_component,
    trap,
)
from tests.host_imports import Step
from tests.installed import install as install_component
from tests.tasks.conftest import install, make_run
from tests.tasks.installed import Install, MakeRun
from wasm_plugins import get_plugin_manager
from wasm_plugins.exceptions import PluginFailed
from wasm_plugins.models import TaskRun
from wasm_plugins.tasks import perform_run

__all__ = ["install", "make_run"]

pytestmark = pytest.mark.django_db


def _run(run: TaskRun) -> TaskRun:
    TaskRun.objects.filter(pk=run.pk).update(status=TaskRun.Status.QUEUED)
    perform_run(str(run.pk))
    run.refresh_from_db()
    return run


def test_the_key_is_the_same_in_every_attempt(install: Install, make_run: MakeRun) -> None:
    plugin = install("loyalty", {"recount": json_handler(by_attempt(trap(first=[]), answer_key()))})
    run = _run(make_run(plugin, max_retries=1))
    assert (run.status, run.error_code) == (TaskRun.Status.PENDING, "plugin-trapped")
    run = _run(run)
    assert (run.status, run.attempts) == (TaskRun.Status.FINISHED, 2)
    assert run.result == run.progress_message != ""


def test_each_run_has_a_key_of_its_own_that_does_not_tell_the_runs_id(install: Install, make_run: MakeRun) -> None:
    plugin = install("loyalty", {"recount": json_handler(answer_key())})
    runs = [_run(make_run(plugin)) for _ in range(3)]
    keys = {run.result for run in runs}
    assert len(keys) == 3
    assert {str(uuid.UUID(key)) for key in keys} == keys
    assert keys.isdisjoint(str(run.pk) for run in runs)


def test_the_first_attempt_is_the_first_and_the_next_is_not(install: Install, make_run: MakeRun) -> None:
    plugin = install("loyalty", {"recount": json_handler(by_attempt(ok('"first"'), ok('"later"')))})
    assert _run(make_run(plugin)).result == '"first"'
    assert _run(make_run(plugin, attempts=1)).result == '"later"'


@pytest.mark.parametrize("step", [idempotency_key(), attempt()])
def test_outside_a_run_there_is_neither(step: Step) -> None:
    task: Function = json_handler(ok("{}", first=[step]))
    install_component(plugin_component("loyalty", tasks={"recount": task}))
    with pytest.raises(PluginFailed, match="this call is no run of a task"):
        get_plugin_manager().execute_task("loyalty/recount", {})
