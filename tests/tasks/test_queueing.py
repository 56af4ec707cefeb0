"""Putting runs into the queue: each is taken once, and a run on a queue without workers is over at once."""

from __future__ import annotations

import os
import threading

import pytest
from django.db import connections
from django_rq import get_connection, get_queue
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from project.stack.parts import free_ports
from tests.components import json_handler, ok
from tests.tasks.installed import Install, MakeRun
from wasm_plugins.models import Plugin, TaskRun
from wasm_plugins.tasks import request_run
from wasm_plugins.tasks.queueing import QueueAway, enqueue, hand_over
from wasm_plugins.tasks.queues import opened_queue


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


def test_a_connection_is_kept_from_one_run_to_the_next(plugin: Plugin, make_run: MakeRun, rq_queue: str) -> None:
    made: list[int] = []
    with opened_queue("default") as queue:
        pool = queue.connection.connection_pool
    for _ in range(3):
        hand_over(make_run(plugin))
        made.append(len(pool._available_connections))
    assert made == [1, 1, 1]
    with opened_queue("default") as again:
        assert again.connection.connection_pool is pool


def test_a_connection_whose_exchange_was_interrupted_is_not_used_again(rq_queue: str) -> None:
    with pytest.raises(KeyboardInterrupt), opened_queue("default") as queue:
        queue.connection.ping()
        raise KeyboardInterrupt
    assert not any(each.is_connected for each in queue.connection.connection_pool._available_connections)
    with opened_queue("default") as another:
        assert another.connection is not queue.connection
        assert another.connection.ping()


def test_a_server_that_hung_up_meanwhile_is_connected_to_again(
    plugin: Plugin, make_run: MakeRun, rq_queue: str
) -> None:
    hand_over(make_run(plugin))
    with opened_queue("default") as queue:
        get_connection("default").client_kill_filter(_id=str(queue.connection.client_id()))
    run = make_run(plugin)
    assert hand_over(run)


def test_a_child_process_has_connections_of_its_own(rq_queue: str) -> None:
    with opened_queue("default") as queue:
        queue.connection.ping()
    pid = os.fork()
    if pid == 0:
        try:
            with opened_queue("default") as of_child:
                os._exit(0 if of_child.connection is not queue.connection and of_child.connection.ping() else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert queue.connection.ping()
