"""What waits to be written is written: in batches, in the end, whatever becomes of the caller or the process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, OperationalError, connections, transaction

from wasm_plugins import outbox as module
from wasm_plugins.audit.calls import _write_entries
from wasm_plugins.audit.entries import new_entry
from wasm_plugins.models import AuditEntry
from wasm_plugins.outbox import Outbox

with_real_commits = pytest.mark.django_db(transaction=True)


def add_groups(names: list[str]) -> None:
    with transaction.atomic():
        Group.objects.bulk_create(Group(name=name) for name in names)


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


def written(name: str) -> bool:
    """Wait for a group, for a while."""
    give_up_at = time.monotonic() + 10
    while time.monotonic() < give_up_at:
        if Group.objects.filter(name=name).exists():
            return True
        time.sleep(0.02)
    return False


@with_real_commits
def test_what_is_put_inside_a_transaction_outlives_its_rollback(outbox: Outbox) -> None:
    with transaction.atomic():
        outbox.put(add_groups, "a")
        transaction.set_rollback(True)
    assert written("a")


@with_real_commits
def test_many_things_of_a_kind_are_one_write_and_all_are_in_order(outbox: Outbox) -> None:
    batches: list[list[int]] = []
    for number in range(1_000):
        outbox.put(batches.append, number)
    outbox.flush()
    assert [number for batch in batches for number in batch] == list(range(1_000))
    assert len(batches) < 200


@with_real_commits
def test_when_too_much_waits_the_caller_writes_himself(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 0)
    outbox.put(add_groups, "a")
    assert Group.objects.filter(name="a").exists()
    assert not outbox.is_waiting


@with_real_commits
def test_a_database_that_is_away_for_a_moment_loses_nothing(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSES_S", (0.01, 0.01))
    failures = iter([DatabaseError("away"), DatabaseError("away")])

    def write(names: list[str]) -> None:
        for failure in failures:
            raise failure
        add_groups(names)

    outbox.put(write, "a")
    assert written("a")


@with_real_commits
def test_a_database_that_is_away_for_long_loses_nothing_either(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_PAUSES_S", (0.01, 0.02))
    is_back = threading.Event()

    def write(names: list[str]) -> None:
        if not is_back.is_set():
            raise OperationalError("database is locked")
        add_groups(names)

    for name in ("a", "b"):
        outbox.put(write, name)
    time.sleep(0.5)
    assert outbox.is_waiting
    outbox.put(write, "c")
    is_back.set()
    assert written("c")
    assert list(Group.objects.order_by("pk").values_list("name", flat=True)) == ["a", "b", "c"]
    assert "lost" not in caplog.text


@with_real_commits
def test_what_is_written_at_once_waits_too_while_the_database_takes_nothing(outbox: Outbox) -> None:
    failures = iter([OperationalError("database is locked")])

    def write(names: list[str]) -> None:
        for failure in failures:
            raise failure
        add_groups(names)

    outbox.put_now(write, "a")
    assert written("a")


@with_real_commits
def test_only_when_too_much_waits_the_oldest_is_given_up_and_the_log_says_what(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 40)
    monkeypatch.setattr(module, "_PAUSES_S", (0.01,))
    is_back, has_failed = threading.Event(), threading.Event()

    def write(names: list[str]) -> None:
        if not is_back.is_set():
            has_failed.set()
            raise OperationalError("database is locked")
        add_groups(names)

    outbox.put(write, "0")
    assert has_failed.wait(5)
    began = time.monotonic()
    while not outbox._failures and time.monotonic() - began < 5:
        time.sleep(0.001)
    for number in range(1, 60):
        outbox.put(write, str(number))
        assert len(outbox._waiting) <= 40
    is_back.set()
    assert written("59")
    kept = {int(name) for name in Group.objects.values_list("name", flat=True)}
    lost = set(range(60)) - kept
    assert len(kept) >= 30
    assert "too much waits" in caplog.text
    assert lost and max(lost) < 40
    outbox.flush()


@with_real_commits
def test_what_cannot_be_written_is_in_the_log_and_keeps_nothing_else(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(things: list[str]) -> None:
        raise ValueError("no such column")

    outbox.put(fail, "the one that is lost")
    outbox.put(add_groups, "a")
    assert written("a")
    assert "the one that is lost" in caplog.text


@with_real_commits
def test_the_thread_ends_when_it_has_nothing_to_do(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IDLE_S", 0.05)
    outbox.put(add_groups, "a")
    thread = outbox._thread
    assert isinstance(thread, threading.Thread) and thread.daemon
    thread.join(10)
    assert not thread.is_alive()
    outbox.put(add_groups, "b")
    assert written("a") and written("b")


@pytest.mark.django_db
def test_within_a_tests_transaction_it_is_written_at_once_and_undone_with_the_test(outbox: Outbox) -> None:
    outbox.put(add_groups, "a")
    assert Group.objects.filter(name="a").exists()
    with transaction.atomic():
        outbox.put(add_groups, "b")
        transaction.set_rollback(True)
    assert not Group.objects.filter(name="b").exists()
    outbox.flush()
    assert Group.objects.filter(name="b").exists()
    assert outbox._thread is None


@with_real_commits
def test_an_entry_of_a_user_who_was_deleted_meanwhile_keeps_his_name(outbox: Outbox) -> None:
    ann, bob = User.objects.create_user("ann"), User.objects.create_user("bob")
    entries = [new_entry(act="route", user=user, plugin="loyalty") for user in (ann, bob)]
    ann.delete()
    _write_entries(entries)
    found = AuditEntry.objects.order_by("username")
    assert [(entry.username, entry.user) for entry in found] == [("ann", None), ("bob", bob)]


EXIT = """
import os, django
django.setup()
from django.contrib.auth.models import Group
from django.db import transaction
from wasm_plugins.outbox import outbox

def add(names):
    Group.objects.bulk_create(Group(name=name) for name in names)

with transaction.atomic():
    outbox.put(add, "parent")
    child = os.fork()
    if child == 0:
        assert not outbox.is_waiting, "what waits is the parent's"
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


@with_real_commits
def test_a_process_that_ends_writes_what_waits_and_a_forked_one_leaves_it_to_its_parent(
    child_environment: dict[str, str],
) -> None:
    subprocess.run([sys.executable, "-c", EXIT], env={**os.environ, **child_environment}, check=True, timeout=60)
    assert Group.objects.filter(name="parent").count() == 1
    connections.close_all()
