"""Asking for a run: the row belongs to the caller's transaction, the job to the queue after its commit."""

from __future__ import annotations

import json
import socket
import time

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.test import Client
from django_rq import get_queue
from pytest_django import Settings
from rq.job import Job

from project.stack.parts import free_ports
from tests.components import json_handler, ok, plugin_component, route
from tests.installed import install as install_component
from tests.tasks.installed import Install
from wasm_plugins.exceptions import PluginNotFound, TaskNotFound, TooManyRuns
from wasm_plugins.models import Plugin, Route, Task, TaskRun
from wasm_plugins.registry import mark_changed
from wasm_plugins.tasks import request_run
from wasm_plugins.tasks.queues import PATIENCE_S

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def plugin(install: Install) -> Plugin:
    """A plugin whose task ``recount`` answers at once."""
    return install("loyalty", {"recount": json_handler(ok('{"recounted": 3}'))}, declared={"timeout_s": 20})


def _job(run: TaskRun) -> Job | None:
    return get_queue("default").fetch_job(str(run.pk))


def test_the_job_exists_only_after_the_commit(plugin: Plugin, rq_queue: str) -> None:
    with transaction.atomic():
        run = request_run(plugin="loyalty", handler="recount", input_text="{}")
        assert run.status == TaskRun.Status.PENDING
        assert _job(run) is None
    assert _job(run) is not None
    run.refresh_from_db()
    assert run.status == TaskRun.Status.QUEUED


def test_a_rollback_takes_the_run_back(plugin: Plugin, rq_queue: str) -> None:
    with transaction.atomic():
        run = request_run(plugin="loyalty", handler="recount", input_text="{}")
        transaction.set_rollback(True)
    assert not TaskRun.objects.exists()
    assert _job(run) is None


def test_a_job_carries_one_id_as_json_and_outlives_the_plugins_deadline(plugin: Plugin, rq_queue: str) -> None:
    run = request_run(plugin="loyalty", handler="recount", input_text='{"secret": 1}')
    job = _job(run)
    assert job is not None
    assert json.loads(job.data) == ["wasm_plugins.tasks.perform_run", None, [str(run.pk)], {}]
    assert job.timeout == 20 + 30
    assert job.description == f"loyalty/recount {run.pk}"


def test_what_an_admin_tuned_counts_before_what_the_plugin_declared(plugin: Plugin, rq_queue: str) -> None:
    Task.objects.filter(plugin=plugin).update(timeout_s=7, max_retries=4)
    mark_changed()
    run = request_run(plugin="loyalty", handler="recount", input_text="{}")
    assert (run.timeout_s, run.max_retries) == (7, 4)


def test_a_handler_of_a_route_gets_the_projects_terms(plugin: Plugin, rq_queue: str, settings: Settings) -> None:
    settings.WASM_PLUGINS_TASK_DEADLINE_MS = 12_000
    run = request_run(plugin="loyalty", handler="labels", input_text="{}", route="/loyalty/labels")
    assert (run.queue, run.timeout_s, run.max_retries) == ("default", 12, 0)
    assert run.route == "/loyalty/labels"


def test_a_queue_that_the_project_does_not_have_becomes_the_default(plugin: Plugin, rq_queue: str) -> None:
    Task.objects.filter(plugin=plugin).update(queue="nowhere")
    mark_changed()
    assert request_run(plugin="loyalty", handler="recount", input_text="{}").queue == "default"


def test_whoever_asks_is_remembered(plugin: Plugin, rq_queue: str) -> None:
    user = get_user_model().objects.create(username="ada")
    asked = request_run(plugin="loyalty", handler="recount", input_text="{}", user=user)
    anonymous = request_run(plugin="loyalty", handler="recount", input_text="{}", user=AnonymousUser())
    assert asked.requested_by == user
    assert anonymous.requested_by is None


def test_an_unknown_plugin_or_task_is_refused(plugin: Plugin) -> None:
    with pytest.raises(PluginNotFound):
        request_run(plugin="nobody", handler="recount", input_text="{}")
    with pytest.raises(TaskNotFound):
        request_run(plugin="loyalty", handler="nothing", input_text="{}")


def test_without_redis_the_run_waits_and_the_caller_goes_on(plugin: Plugin, settings: Settings) -> None:
    away = f"redis://127.0.0.1:{free_ports(1)[0]}/0"
    settings.RQ_QUEUES = {"default": {**settings.RQ_QUEUES["default"], "URL": away}}
    run = request_run(plugin="loyalty", handler="recount", input_text="{}")
    run.refresh_from_db()
    assert run.status == TaskRun.Status.PENDING


def test_a_redis_that_hangs_costs_the_caller_no_more_than_seconds(plugin: Plugin, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        settings.RQ_QUEUES = {"default": {**settings.RQ_QUEUES["default"], "URL": url}}
        began_at = time.monotonic()
        run = request_run(plugin="loyalty", handler="recount", input_text="{}")
    assert time.monotonic() - began_at < 2 * PATIENCE_S
    run.refresh_from_db()
    assert run.status == TaskRun.Status.PENDING


def test_a_queue_without_workers_performs_the_run_at_once(plugin: Plugin, rq_queue: str, settings: Settings) -> None:
    settings.RQ_QUEUES = {"default": {**settings.RQ_QUEUES["default"], "ASYNC": False}}
    run = request_run(plugin="loyalty", handler="recount", input_text="{}")
    run.refresh_from_db()
    assert (run.status, run.result) == (TaskRun.Status.FINISHED, '{"recounted": 3}')


def test_as_many_runs_as_may_wait_can_be_asked_for(plugin: Plugin, rq_queue: str, settings: Settings) -> None:
    settings.WASM_PLUGINS_PENDING_RUNS = 2
    asked = [request_run(plugin="loyalty", handler="recount", input_text="{}") for _ in range(2)]
    with pytest.raises(TooManyRuns, match="2 runs wait already") as refused:
        request_run(plugin="loyalty", handler="recount", input_text="{}")
    assert (refused.value.plugin, refused.value.limit) == ("loyalty", 2)
    assert TaskRun.objects.count() == 2
    TaskRun.objects.filter(pk=asked[0].pk).update(status=TaskRun.Status.RUNNING)
    request_run(plugin="loyalty", handler="recount", input_text="{}")


def test_one_plugins_runs_leave_room_for_anothers(
    plugin: Plugin, rq_queue: str, settings: Settings, install: Install
) -> None:
    settings.WASM_PLUGINS_PENDING_RUNS = 1
    install("shipping", {"recount": json_handler(ok("{}"))})
    for name in ("loyalty", "shipping"):
        request_run(plugin=name, handler="recount", input_text="{}")


def test_a_route_that_is_processed_as_a_task_answers_503_when_too_many_wait(
    rq_queue: str, settings: Settings, client: Client
) -> None:
    settings.WASM_PLUGINS_PENDING_RUNS = 1
    labels = route("/loyalty/labels", json_handler(ok("{}")), process_as_task=True)
    install_component(plugin_component("loyalty", routes=[labels]))
    Route.objects.update(access="public")
    assert client.post("/plugins/loyalty/labels", {}, "application/json").status_code == 202
    refused = client.post("/plugins/loyalty/labels", {}, "application/json")
    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    assert refused.json()["error"]["code"] == "too-many-runs"
    assert TaskRun.objects.count() == 1
