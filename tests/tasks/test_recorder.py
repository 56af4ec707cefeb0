"""Showing a run while it runs: outside its transaction, and never at its cost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from tests.components import json_handler, ok
from tests.tasks.installed import Install, MakeRun
from wasm_plugins.models import TaskRun
from wasm_plugins.runtime.log import CallLog
from wasm_plugins.tasks.lease import database_now, shows_life
from wasm_plugins.tasks.recorder import Recorder


@pytest.fixture
def run(transactional_db: None, install: Install, make_run: MakeRun) -> TaskRun:
    """A run in its first attempt."""
    plugin = install("loyalty", {"recount": json_handler(ok("{}"))})
    return make_run(plugin, status=TaskRun.Status.RUNNING, attempts=1)


def _eventually(is_so: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    give_up_at = time.monotonic() + timeout_s
    while time.monotonic() < give_up_at:
        if is_so():
            return True
        time.sleep(0.02)
    return False


def _is_seen(run: TaskRun, percent: int) -> Callable[[], bool]:
    return lambda: TaskRun.objects.filter(pk=run.pk, progress_percent=percent).exists()


def test_the_first_progress_is_seen_at_once(run: TaskRun) -> None:
    with Recorder(run, CallLog(1_000)) as recorder:
        recorder.report(10, "begun")
        assert _eventually(_is_seen(run, 10), timeout_s=0.5)


def test_what_is_reported_in_a_transaction_is_seen_outside_and_survives_it(run: TaskRun) -> None:
    log = CallLog(1_000)
    recorder = Recorder(run, log)
    with transaction.atomic(), recorder:
        recorder.report(10, "begun")
        log.write("info", "a line")
        assert _eventually(_is_seen(run, 10))
        transaction.set_rollback(True)
    run.refresh_from_db()
    assert run.progress_percent == 10
    assert run.heartbeat_at is not None


def test_later_progress_follows_within_about_a_second(run: TaskRun) -> None:
    with Recorder(run, CallLog(1_000)) as recorder:
        for percent in range(50):
            recorder.report(percent, "counting")
        assert _eventually(_is_seen(run, 49), timeout_s=2.5)


@pytest.mark.parametrize(("percent", "kept"), [(-1, 0), (0, 0), (100, 100), (255, 100)])
def test_what_is_reported_is_bounded(run: TaskRun, percent: int, kept: int) -> None:
    recorder = Recorder(run, CallLog(1_000))
    recorder.report(percent, "\x00" + "x" * 10_000)
    columns = recorder.columns()
    assert columns["progress_percent"] == kept
    assert len(columns["progress_message"]) == 255
    assert "\x00" not in columns["progress_message"]


def test_a_run_that_was_taken_over_is_not_touched(run: TaskRun) -> None:
    TaskRun.objects.filter(pk=run.pk).update(attempts=2)
    with Recorder(run, CallLog(1_000)) as recorder:
        recorder.report(10, "begun")
        time.sleep(0.3)
    run.refresh_from_db()
    assert run.progress_percent is None


def test_the_thread_is_gone_afterwards_and_its_connection_closed(run: TaskRun) -> None:
    before = _connections()
    with Recorder(run, CallLog(1_000)) as recorder:
        recorder.report(10, "begun")
        assert _eventually(_is_seen(run, 10))
    assert not [each for each in threading.enumerate() if each.name == "wasm-plugins-recorder"]
    assert _eventually(lambda: _connections() == before)


def _connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def test_a_database_that_is_away_for_a_moment_costs_nothing_but_the_moment(run: TaskRun) -> None:
    with Recorder(run, CallLog(1_000)) as recorder:
        recorder.report(10, "begun")
        assert _eventually(_is_seen(run, 10))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        recorder.report(20, "going on")
        assert _eventually(_is_seen(run, 20))


def test_inside_somebodys_transaction_no_thread_is_started(run: TaskRun) -> None:
    with transaction.atomic(), Recorder(run, CallLog(1_000)):
        assert not [each for each in threading.enumerate() if each.name == "wasm-plugins-recorder"]


def test_where_the_run_holds_the_only_writer_nothing_is_written_beside_it() -> None:
    assert shows_life("default")
    assert not shows_life("sqlite")


def test_under_a_stricter_isolation_level_nothing_is_written_beside_the_run(settings: Settings) -> None:
    from psycopg import IsolationLevel

    options = connection.settings_dict["OPTIONS"]
    options["isolation_level"] = IsolationLevel.REPEATABLE_READ
    try:
        assert not shows_life("default")
        options["isolation_level"] = IsolationLevel.READ_COMMITTED
        assert shows_life("default")
    finally:
        del options["isolation_level"]


def test_the_lease_is_renewed_by_the_databases_clock_while_a_run_says_nothing(
    run: TaskRun, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WASM_PLUGINS_LEASE_S = 2
    monkeypatch.setattr(timezone, "now", lambda: datetime(2000, 1, 1, tzinfo=UTC))
    with Recorder(run, CallLog(1_000)):
        assert _eventually(lambda: _lease_left_s(run) > 1.5)
        time.sleep(2)
        assert _eventually(lambda: _lease_left_s(run) > 1.5)


def test_a_recorder_may_be_entered_again(run: TaskRun) -> None:
    recorder = Recorder(run, CallLog(1_000))
    for percent in (1, 2):
        with recorder:
            recorder.report(percent, "begun")
            assert _eventually(_is_seen(run, percent))


def _lease_left_s(run: TaskRun) -> float:
    run.refresh_from_db()
    return 0.0 if run.lease_until is None else (run.lease_until - database_now("default")).total_seconds()
