"""Asking again for a run: the same input for the same user, once, and never of what finished."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Model
from pytest_django import Settings

from tests.tasks.installed import MakeRun
from wasm_plugins import lifecycle
from wasm_plugins.exceptions import PluginNotFound, RunSettled
from wasm_plugins.models import AuditEntry, Plugin, TaskRun
from wasm_plugins.tasks import cancel_run, retry_run
from wasm_plugins.tasks.claim import idempotency_key

Status = TaskRun.Status


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_a_retry_is_a_new_run_with_the_same_input_for_the_same_user(
    plugin: Plugin, make_run: MakeRun, status: str
) -> None:
    ann, root = User.objects.create_user("ann"), User.objects.create_superuser("root")
    run = make_run(plugin, status=status, input='{"a": 1}', requested_by=ann, attempts=3)
    again = retry_run(run.pk, by=root)
    again.refresh_from_db()
    assert again.pk != run.pk
    assert (again.status, again.attempts, again.input, again.handler) == (Status.PENDING, 0, '{"a": 1}', "recount")
    assert (again.requested_by, again.retried_by, again.retry_of) == (ann, root, run)
    entry = AuditEntry.objects.get(act="retry-run")
    assert (entry.username, entry.subject, entry.details["of"]) == ("root", str(again.pk), str(run.pk))


def test_all_runs_of_a_chain_have_one_idempotency_key(plugin: Plugin, make_run: MakeRun) -> None:
    first = make_run(plugin, status=Status.FAILED)
    second = retry_run(first.pk)
    cancel_run(second.pk)
    third = retry_run(second.pk)
    assert idempotency_key(first) == idempotency_key(second) == idempotency_key(third)
    assert idempotency_key(make_run(plugin)) != idempotency_key(first)
    first.delete()
    second.refresh_from_db()
    assert second.retry_of is None
    assert idempotency_key(second) == idempotency_key(third)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(Status.FINISHED, "a second time"), (Status.RUNNING, "not ended"), (Status.QUEUED, "not ended")],
)
def test_what_finished_or_goes_on_is_not_asked_for_again(
    plugin: Plugin, make_run: MakeRun, status: str, reason: str
) -> None:
    run = make_run(plugin, status=status)
    with pytest.raises(RunSettled, match=reason):
        retry_run(run.pk)
    assert TaskRun.objects.count() == 1


def test_a_run_is_asked_for_again_once(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.FAILED)
    retry_run(run.pk)
    with pytest.raises(RunSettled, match="already"):
        retry_run(run.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_run(plugin, retry_of=run)


class _Lagging:
    """Reads runs from a replica where none has arrived yet."""

    def db_for_read(self, model: type[Model], **hints: object) -> str | None:
        return "sqlite" if model is TaskRun else None


@pytest.mark.django_db(databases=["default", "sqlite"])
def test_a_replica_that_lags_behind_is_not_asked(plugin: Plugin, make_run: MakeRun, settings: Settings) -> None:
    run = make_run(plugin, status=Status.FAILED)
    settings.DATABASE_ROUTERS = [_Lagging()]
    retry_run(run.pk)
    with pytest.raises(RunSettled, match="already"):
        retry_run(run.pk)


def test_nothing_is_asked_for_again_of_a_plugin_that_is_off(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.FAILED)
    lifecycle.disable(plugin)
    with pytest.raises(PluginNotFound):
        retry_run(run.pk)
    assert not AuditEntry.objects.filter(act="retry-run").exists()
