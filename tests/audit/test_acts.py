"""Entries of what admins did: added with the act, and never changed."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from wasm_plugins.audit import record_act
from wasm_plugins.models import AuditEntry
from wasm_plugins.models.audit import AppendOnly

pytestmark = pytest.mark.django_db


def test_an_act_is_kept_with_who_did_it() -> None:
    ann = User.objects.create_user("ann")
    record_act(ann, "grant", "loyalty", subject="database", details={"scope": {"tables": {}}})
    entry = AuditEntry.objects.get()
    assert (entry.user, entry.username, entry.act, entry.plugin) == (ann, "ann", "grant", "loyalty")
    assert (entry.subject, entry.outcome, entry.details) == ("database", "ok", {"scope": {"tables": {}}})


def test_an_act_that_is_rolled_back_leaves_no_entry() -> None:
    with transaction.atomic():
        record_act(None, "enable", "loyalty")
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()


def test_an_entry_outlives_the_user_with_the_name_that_he_had() -> None:
    ann = User.objects.create_user("ann")
    record_act(ann, "enable", "loyalty")
    ann.delete()
    entry = AuditEntry.objects.get()
    assert (entry.user, entry.username) == (None, "ann")


def test_what_no_column_holds_is_cut_and_escaped() -> None:
    record_act(None, "route", "x" * 100, subject="/a\0b\ud800" + "y" * 1000)
    entry = AuditEntry.objects.get()
    assert len(entry.plugin) == 63
    assert entry.subject.startswith("/a\\0b\\ud800y")
    assert len(entry.subject) == 255


def test_no_entry_is_changed_or_deleted() -> None:
    entry = record_act(None, "enable", "loyalty")
    entry.outcome = "never happened"
    for attempt in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(outcome="never happened"),
        lambda: AuditEntry.objects.filter(pk=entry.pk).update(outcome="never happened"),
        lambda: AuditEntry.objects.bulk_update([entry], ["outcome"]),
        lambda: AuditEntry(pk=entry.pk, act="x", plugin="x", outcome="x").delete(),
    ):
        with pytest.raises(AppendOnly), transaction.atomic():
            attempt()
    assert AuditEntry.objects.get().outcome == "ok"


def test_the_documented_trigger_refuses_what_sql_would_do_and_lets_a_user_be_deleted() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "audit.md").read_text()
    found = re.search(r"^```sql\n(.*?)^REVOKE", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    ann = User.objects.create_user("ann")
    record_act(ann, "enable", "loyalty")
    with connection.cursor() as cursor:
        cursor.execute(found[1])
        for change in ("UPDATE wasm_plugins_auditentry SET outcome = 'x'", "DELETE FROM wasm_plugins_auditentry"):
            with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
                cursor.execute(change)
    ann.delete()
    assert AuditEntry.objects.get().username == "ann"


def test_only_what_is_older_than_the_retention_is_pruned_oldest_first() -> None:
    now = timezone.now()
    for days in (400, 380, 370, 1):
        AuditEntry.objects.bulk_create([AuditEntry(at=now - timedelta(days=days), act="enable", plugin=f"p{days}")])
    before = now - timedelta(days=365)
    assert AuditEntry.objects.all().prune(before, most=2) == 2
    assert AuditEntry.objects.all().prune(before, most=2) == 1
    assert [entry.plugin for entry in AuditEntry.objects.all()] == ["p1"]
