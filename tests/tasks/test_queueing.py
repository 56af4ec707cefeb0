"""Putting runs into the queue: each is taken once, and a run on a queue without workers is over at once."""

from __future__ import annotations

import threading

import pytest
from django.db import connections
from django_rq import get_queue
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from project.stack.parts import free_ports
from tests.components import json_handler, ok
from tests.tasks.installed import Install, MakeRun
from wasm_plugins.models import Plugin, TaskRun
from wasm_plugins.tasks import request_run
from wasm_plugins.tasks.queueing import QueueAway, enqueue, hand_over


def test_inside_a_test_case_a_queue_without_workers_performs_the_run(
    plugin: Plugin,
    rq_queue: str,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.RQ_QUEUES = {"default": {**settings.RQ_QUEUES["default"], "ASYNC": False}}
    with django_capture_on_commit_callbacks(execute=True):
        run = request_run(plugin="loyalty", handler="recount", input_text="{}")
    run.refresh_from_db()
    assert (run.status, run.result) == (TaskRun.Status.FINISHED, '{"recounted": 3}')


def test_a_queue_that_is_away_gives_the_run_back(plugin: Plugin, make_run: MakeRun, settings: Settings) -> None:
    away = f"redis://127.0.0.1:{free_ports(1)[0]}/0"
    settings.RQ_QUEUES = {"default": {**settings.RQ_QUEUES["default"], "URL": away}}
    run = make_run(plugin)
    with pytest.raises(QueueAway):
        hand_over(run)
    assert run.status == TaskRun.Status.PENDING
    run.refresh_from_db()
    assert run.status == TaskRun.Status.PENDING


def test_a_queue_that_the_project_took_away_gives_the_run_back(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, queue="nowhere")
    enqueue(run)
    assert run.status == TaskRun.Status.PENDING


def test_a_run_that_somebody_else_took_is_not_queued_again(plugin: Plugin, make_run: MakeRun, rq_queue: str) -> None:
    run = make_run(plugin)
    same = TaskRun.objects.get(pk=run.pk)
    assert hand_over(run)
    assert not hand_over(same)
    assert get_queue("default").count == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_who_queue_a_run_at_once_one_does(install: Install, make_run: MakeRun, rq_queue: str) -> None:
    run = make_run(install("loyalty", {"recount": json_handler(ok("{}"))}))
    copies = [TaskRun.objects.select_related("plugin").get(pk=run.pk) for _ in range(8)]
    taken: list[bool] = []
    start = threading.Barrier(len(copies))

    def take(copy: TaskRun) -> None:
        start.wait()
        taken.append(hand_over(copy))
        connections.close_all()

    threads = [threading.Thread(target=take, args=[copy]) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 1
