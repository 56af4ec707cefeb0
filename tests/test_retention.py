"""What is older than it is to be kept goes, a batch at a time; what is not over stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from wasm_plugins import retention
from wasm_plugins.models import AuditEntry, KeptCall, Plugin, TaskRun
from wasm_plugins.retention import prune

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rows(settings: Settings) -> None:
    """Entries and runs of many ages; the runs in every state."""
    settings.WASM_PLUGINS_AUDIT_RETENTION_DAYS = 100
    settings.WASM_PLUGINS_RUN_RETENTION_DAYS = 10
    plugin, now = Plugin.objects.create(name="loyalty"), timezone.now()
    for days in (1, 50, 150, 200):
        AuditEntry.objects.bulk_create([AuditEntry(at=now - timedelta(days=days), act="enable", plugin="loyalty")])
        at = now - timedelta(days=days)
        KeptCall.objects.create(at=at, plugin="loyalty", version=1, export="x", outcome="ok", elapsed_ms=1)
        for status in TaskRun.Status.values:
            over = now - timedelta(days=days) if status in TaskRun.ENDED else None
            TaskRun.objects.create(
                plugin=plugin, handler="x", input="{}", queue="default", timeout_s=1, status=status, finished_at=over
            )


def test_only_old_entries_and_old_runs_that_have_ended_are_deleted() -> None:
    assert prune().as_json() == {"audit_entries": 2, "runs": 9, "kept_calls": 4}
    assert AuditEntry.objects.count() == 2
    assert TaskRun.objects.filter(status__in=TaskRun.ENDED).count() == 3
    assert TaskRun.objects.exclude(status__in=TaskRun.ENDED).count() == 12
    assert prune().as_json() == {"audit_entries": 0, "runs": 0, "kept_calls": 0}


def test_a_batch_is_bounded_and_says_that_there_is_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    first = prune()
    assert (first.audit_entries, first.runs, first.is_done) == (2, 2, False)
    assert [prune().runs for _ in range(5)] == [2, 2, 2, 1, 0]


def test_calls_are_kept_as_long_as_runs_while_calls_are_kept(settings: Settings) -> None:
    settings.WASM_PLUGINS_KEPT_CALLS = 10
    assert prune().kept_calls == 3
    assert KeptCall.objects.count() == 1
    settings.WASM_PLUGINS_KEPT_CALLS = 0
    assert prune().kept_calls == 1


def test_the_scheduler_prunes() -> None:
    call_command("plugins", "scheduler", "--once", "--json")
    assert AuditEntry.objects.count() == 2
