"""Cancelling a run: before it begins, while it goes on, and never once it is over."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from tests.components import json_handler, ok
from tests.tasks.installed import Install, MakeRun
from wasm_plugins.exceptions import RunSettled
from wasm_plugins.models import AuditEntry, Plugin, TaskRun
from wasm_plugins.tasks import cancel_run, describe_run, perform_run, retry_run, sweep
from wasm_plugins.tasks.claim import claim
from wasm_plugins.tasks.outcome import Failure, failure_columns
from wasm_plugins.tasks.record import record

Status = TaskRun.Status


@pytest.mark.parametrize("status", [Status.PENDING, Status.QUEUED])
def test_a_run_that_waits_never_begins(plugin: Plugin, make_run: MakeRun, status: str) -> None:
    run = make_run(plugin, status=status)
    cancelled = cancel_run(run.pk)
    assert (cancelled.status, cancelled.error_code, cancelled.is_over) == (Status.CANCELLED, "run-cancelled", True)
    assert cancelled.finished_at is not None
    assert perform_run(str(run.pk)) == "ignored"
    assert not claim(run)
    sweep()
    run.refresh_from_db()
    assert (run.status, run.attempts) == (Status.CANCELLED, 0)


def test_an_attempt_of_a_run_that_was_cancelled_can_write_no_outcome(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.RUNNING, attempts=1)
    cancel_run(run.pk)
    failure = Failure("host-error", "x", may_pass=True)
    assert not record(run, {"status": Status.FINISHED, "result": "{}"})
    assert not record(run, failure_columns(run, failure, run.created_at))
    run.refresh_from_db()
    assert (run.status, run.result) == (Status.CANCELLED, "")


@pytest.mark.parametrize("status", TaskRun.ENDED)
def test_a_run_that_is_over_stays_as_it_is(plugin: Plugin, make_run: MakeRun, status: str) -> None:
    run = make_run(plugin, status=status)
    with pytest.raises(RunSettled, match="is over"):
        cancel_run(run.pk)
    run.refresh_from_db()
    assert run.status == status
    assert not AuditEntry.objects.filter(act="cancel-run").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", [cancel_run, retry_run])
def test_a_run_that_somebody_else_changed_meanwhile_is_told_so_under_repeatable_read(
    install: Install, make_run: MakeRun, act: Callable[..., TaskRun]
) -> None:
    run = make_run(install("loyalty", {"recount": json_handler(ok("{}"))}), status=Status.FAILED)

    def change() -> None:
        try:
            TaskRun.objects.filter(pk=run.pk).update(status=Status.RUNNING)
        finally:
            connection.close()

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert TaskRun.objects.get(pk=run.pk).status == Status.FAILED
        thread = threading.Thread(target=change)
        thread.start()
        thread.join()
        with pytest.raises(RunSettled, match="look at it again"):
            act(run.pk)


def test_who_cancelled_what_is_audited(plugin: Plugin, make_run: MakeRun) -> None:
    ann = User.objects.create_user("ann")
    run = make_run(plugin, status=Status.RUNNING, attempts=2)
    cancel_run(run.pk, by=ann)
    entry = AuditEntry.objects.get(act="cancel-run")
    assert (entry.username, entry.plugin, entry.subject) == ("ann", "loyalty", str(run.pk))
    assert entry.details == {"task": "recount", "was": "running", "attempt": 2}


def test_what_there_is_not_cannot_be_cancelled(db: Any) -> None:
    with pytest.raises(TaskRun.DoesNotExist):
        cancel_run(uuid.uuid4())


def test_whoever_asked_learns_that_it_was_cancelled(plugin: Plugin, make_run: MakeRun) -> None:
    told = describe_run(cancel_run(make_run(plugin).pk))
    assert (told["status"], told["error"]["message"]) == ("cancelled", "Somebody cancelled it.")
