"""Redis lost a job, or delivers it twice: the row is what counts."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from django_rq import get_connection, get_queue

from tests.components import json_handler, ok, sql
from tests.tasks.installed import install_plugin
from tests.workers import Workers, eventually, is_over, wait
from wasm_plugins.models import TaskRun
from wasm_plugins.tasks import PluginJob, SweepReport, request_run, sweep

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def plugin(workers: Workers) -> None:
    """A plugin whose task leaves one row for each time it is performed."""
    step = sql("INSERT INTO auth_group (name) SELECT 'added ' || count(*) FROM auth_group")
    tables = {"auth_group": ["select", "insert"]}
    install_plugin("loyalty", {"recount": json_handler(ok("{}", first=[step]))}, tables=tables)


def _ask() -> TaskRun:
    return request_run(plugin="loyalty", handler="recount", input_text="{}")


def test_if_07_a_job_whose_key_was_deleted_is_found_and_performed_once(workers: Workers) -> None:
    run = _ask()
    get_connection("default").delete(PluginJob.key_for(str(run.pk)))
    assert sweep(timezone.now() + timedelta(seconds=60)) == SweepReport()  # its id still stands in the list
    with workers.start():
        eventually(lambda: get_queue("default").count == 0)  # the worker takes the id, and finds nothing behind it
        assert sweep(timezone.now() + timedelta(seconds=60)) == SweepReport(requeued=1)
        wait(run, is_over)
    assert (run.status, run.attempts) == (TaskRun.Status.FINISHED, 1)
    assert Group.objects.count() == 1


def test_if_07_the_second_copy_of_a_job_does_nothing(workers: Workers) -> None:
    run = _ask()
    queue = get_queue("default")
    for _ in range(4):
        queue.push_job_id(str(run.pk))
    with workers.start(), workers.start():
        wait(run, lambda row: is_over(row) and queue.count == 0)
        time.sleep(1)
    run.refresh_from_db()
    assert (run.status, run.attempts) == (TaskRun.Status.FINISHED, 1)
    assert Group.objects.count() == 1
