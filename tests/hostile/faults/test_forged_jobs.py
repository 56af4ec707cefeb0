"""Somebody writes to Redis: whatever a job says, our workers run one function on one id, or refuse it."""

from __future__ import annotations

import json
import os
import pickle
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django_rq import get_connection, get_queue
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from tests.components import json_handler, ok, sql
from tests.tasks.installed import install_plugin
from tests.workers import Workers, is_over, wait
from wasm_plugins.models import AuditEntry, TaskRun
from wasm_plugins.tasks import PluginJob, request_run
from wasm_plugins.tasks.job_hash import FIELD_BYTES, PERFORM, JobRefused

pytestmark = pytest.mark.django_db(transaction=True)

Forge = Callable[[str, Path], dict[str, Any]]


def _calling(name: str, *arguments: object, **named: object) -> bytes:
    return zlib.compress(json.dumps([name, None, list(arguments), named]).encode())


class _Evil:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (self.command,)


def _touch(path: Path) -> str:
    return f"touch {path}"


def _own(job_id: str, **fields: object) -> dict[str, Any]:
    return {"data": _calling(PERFORM, job_id), **fields}


FORGED: dict[str, Forge] = {
    "a pickle in place of JSON": lambda job_id, path: {"data": zlib.compress(pickle.dumps(_Evil(_touch(path))))},
    "a pickle that is not compressed": lambda job_id, path: {"data": pickle.dumps(_Evil(_touch(path)))},
    "a pickle as meta": lambda job_id, path: _own(job_id, meta=pickle.dumps(_Evil(_touch(path)))),
    "a pickle as earlier result": lambda job_id, path: {
        "data": _calling("os.system", _touch(path)),
        "result": pickle.dumps(_Evil(_touch(path))),
    },
    "another function": lambda job_id, path: {"data": _calling("os.system", _touch(path))},
    "an instance to call a method of": lambda job_id, path: {
        "data": zlib.compress(json.dumps([PERFORM, "os", [job_id], {}]).encode())
    },
    "a function that begins like ours": lambda job_id, path: {"data": _calling(PERFORM + ".__globals__", job_id)},
    "a run that there is not": lambda job_id, path: _own(job_id),
    "the id of another job": lambda job_id, path: {"data": _calling(PERFORM, str(uuid.uuid4()))},
    "no id": lambda job_id, path: {"data": _calling(PERFORM, "../../etc/passwd")},
    "a number": lambda job_id, path: {"data": _calling(PERFORM, 7)},
    "a list": lambda job_id, path: {"data": _calling(PERFORM, [job_id])},
    "two arguments": lambda job_id, path: {"data": _calling(PERFORM, job_id, job_id)},
    "an argument with a name": lambda job_id, path: {"data": _calling(PERFORM, run_id=job_id)},
    "10 MB of argument": lambda job_id, path: {"data": json.dumps([PERFORM, None, ["x" * 10_000_000], {}]).encode()},
    "10 MB once unpacked": lambda job_id, path: {"data": _calling(PERFORM, "x" * 10_000_000)},
    "a success callback": lambda job_id, path: _own(job_id, success_callback_name="os.abort"),
    "a failure callback": lambda job_id, path: _own(job_id, failure_callback_name="os.abort"),
    "a stopped callback": lambda job_id, path: _own(job_id, stopped_callback_name="os.abort"),
    "a webhook": lambda job_id, path: _own(
        job_id, webhooks=json.dumps([{"url": "http://169.254.169.254/", "job_status": "failed"}])
    ),
    "retries": lambda job_id, path: _own(job_id, retries_left=1_000_000),
    "dependencies": lambda job_id, path: _own(job_id, dependency_ids="not even JSON"),
    "times that are none": lambda job_id, path: _own(
        job_id, timeout="for ever", created_at="tomorrow", status="\x1b[2J", origin="\r\n:" * 50, description="\x1b[2J"
    ),
    "nothing": lambda job_id, path: {"status": "queued"},
}
"""What somebody may write under a job's name, by what is forged about it."""


def _push(job_id: str, fields: dict[str, Any]) -> None:
    connection = get_connection("default")
    written: dict[Any, Any] = {"status": "queued", "origin": "default", **fields}
    connection.hset(PluginJob.key_for(job_id), mapping=written)
    get_queue("default").push_job_id(job_id)


def _fetch(job_id: str) -> PluginJob:
    job = PluginJob.fetch(job_id, connection=get_connection("default"), serializer=JSONSerializer)
    assert isinstance(job, PluginJob)
    return job


@pytest.mark.parametrize("what", FORGED)
def test_if_15_a_forged_job_is_read_within_bounds_and_refused(rq_queue: str, tmp_path: Path, what: str) -> None:
    job_id = str(uuid.uuid4())
    _push(job_id, FORGED[what](job_id, tmp_path / "owned"))
    job = _fetch(job_id)
    assert len(job.data) <= FIELD_BYTES
    assert (job.success_callback, job.failure_callback, job.stopped_callback, job.webhooks) == (None, None, None, [])
    with pytest.raises(JobRefused):
        job.perform()
    assert not (tmp_path / "owned").exists()
    (entry,) = AuditEntry.objects.filter(act="refuse-job")
    assert (entry.act, entry.subject, entry.outcome) == ("refuse-job", job_id, "refused")
    assert len(json.dumps(entry.details)) < 300


def test_if_15_a_worker_fails_every_forged_job_and_then_does_its_work(workers: Workers, tmp_path: Path) -> None:
    steps = [sql("INSERT INTO auth_group (name) VALUES ($1)", "added")]
    install_plugin("loyalty", {"recount": json_handler(ok("{}", first=steps))}, tables={"auth_group": ["insert"]})
    owned = tmp_path / "owned"
    forged = {str(uuid.uuid4()): forge for forge in FORGED.values()}
    for job_id, forge in forged.items():
        _push(job_id, forge(job_id, owned))
    get_connection("default").rpush(get_queue("default").key, "no id of RQ's: \r\n")
    get_connection("default").set(PluginJob.key_for("no-hash"), "but a text")
    get_queue("default").push_job_id("no-hash")
    run = request_run(plugin="loyalty", handler="recount", input_text="{}")
    with workers.start():
        wait(run, is_over)
    assert run.status == TaskRun.Status.FINISHED, run.error
    assert Group.objects.count() == 1
    assert not owned.exists()
    assert {entry.subject for entry in AuditEntry.objects.filter(act="refuse-job")} == set(forged)
    connection = get_connection("default")
    assert {connection.hget(PluginJob.key_for(job_id), "status") for job_id in forged} == {b"failed"}
    assert "\x1b" not in workers.log()


@pytest.mark.parametrize("what", ["a success callback", "a failure callback", "a stopped callback", "a webhook"])
def test_if_15_what_hangs_on_a_real_run_makes_it_refused_and_the_run_waits(
    workers: Workers, tmp_path: Path, what: str
) -> None:
    install_plugin("loyalty", {"recount": json_handler(ok("{}"))})
    run = request_run(plugin="loyalty", handler="recount", input_text="{}")
    _push(str(run.pk), FORGED[what](str(run.pk), tmp_path / "owned"))
    with pytest.raises(JobRefused):
        _fetch(str(run.pk)).perform()
    run.refresh_from_db()
    assert (run.status, run.attempts) == (TaskRun.Status.QUEUED, 0)


def test_if_15_a_job_of_the_projects_own_is_failed_clearly_and_stays_as_it_was(rq_queue: str) -> None:
    queue = get_queue("default", serializer=JSONSerializer)
    theirs = queue.enqueue("os.getpid", job_id="theirs")
    job = _fetch("theirs")
    with pytest.raises(JobRefused, match="names another function: this worker runs tasks of plugins and nothing else"):
        job.perform()
    job.save()
    again = Job.fetch("theirs", connection=queue.connection, serializer=JSONSerializer)
    assert (again.func_name, again.args) == (theirs.func_name, [])
    assert again.perform() == os.getpid()


def test_if_15_an_id_that_rq_never_gives_is_no_job(rq_queue: str) -> None:
    with pytest.raises(NoSuchJobError):
        _fetch("../../etc")
