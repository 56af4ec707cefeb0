"""Schedules: one run for each due time, none for what is off, and what was missed is counted and said."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from pytest_django import Settings

from tests.components import json_handler, ok
from tests.installed import install as install_component
from tests.tasks.installed import Install
from wasm_plugins import lifecycle
from wasm_plugins.exceptions import ManifestError
from wasm_plugins.manifest_reader import read_manifest
from wasm_plugins.models import AuditEntry, Plugin, Task, TaskRun, VersionHealth
from wasm_plugins.registry import mark_changed
from wasm_plugins.sync import record_upload
from wasm_plugins.tasks import next_run, run_schedules, schedule_of

from ..components import plugin_component

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rq_queue")]

START = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def task(install: Install, settings: Settings) -> Task:
    """The task ``recount`` of a plugin that is on: due each minute, and looked at for the first time at ``START``."""
    settings.WASM_PLUGINS_SCHEDULE_TIME_ZONE = "UTC"
    install("loyalty", {"recount": json_handler(ok("{}"))}, declared={"schedule": "* * * * *"})
    run_schedules(START)
    return Task.objects.get()


def at(minute: int, second: int = 0) -> datetime:
    return START.replace(minute=minute, second=second)


def due_times() -> list[datetime | None]:
    return list(TaskRun.objects.order_by("scheduled_for").values_list("scheduled_for", flat=True))


def test_a_new_schedule_is_due_for_the_first_time_after_it_was_seen(task: Task) -> None:
    assert due_times() == []
    assert run_schedules(at(1)).as_json() == {"scheduled": 1, "missed": 0, "waiting": 0}
    assert due_times() == [at(1)]


def test_each_due_time_has_one_run_however_often_somebody_looks(task: Task) -> None:
    for minute in (1, 1, 2, 2, 3):
        run_schedules(at(minute))
        run_schedules(at(minute, 30))
    assert due_times() == [at(1), at(2), at(3)]


def test_a_run_is_told_what_it_is_for_and_is_queued_like_any_other(task: Task) -> None:
    Task.objects.update(declared={"schedule": "* * * * *", "timeout_s": 7, "max_retries": 2})
    mark_changed()
    run_schedules(at(1))
    run = TaskRun.objects.get()
    assert json.loads(run.input) == {"scheduled_for": "2026-01-01T12:01:00+00:00"}
    assert (run.handler, run.requested_by, run.timeout_s, run.max_retries) == ("recount", None, 7, 2)


def test_of_due_times_that_passed_while_nobody_looked_the_latest_runs_and_the_others_are_counted(task: Task) -> None:
    assert run_schedules(at(10, 5)).as_json() == {"scheduled": 1, "missed": 9, "waiting": 0}
    assert due_times() == [at(10)]
    task.refresh_from_db()
    assert (task.missed_runs, task.missed_at, task.missed_because) == (9, at(10), "late")


def test_a_project_may_want_a_run_for_each_of_them(task: Task, settings: Settings) -> None:
    settings.WASM_PLUGINS_SCHEDULE_MISSED = "all"
    assert run_schedules(at(10, 5)).as_json() == {"scheduled": 10, "missed": 0, "waiting": 0}
    assert due_times() == [at(minute) for minute in range(1, 11)]


def test_a_long_absence_is_made_up_for_in_steps_and_ends_with_the_latest(task: Task) -> None:
    now = START + timedelta(minutes=2_500)
    reports = [run_schedules(now) for _ in range(4)]
    assert [each.scheduled for each in reports] == [0, 0, 1, 0]
    assert sum(each.missed for each in reports) == 2_499
    assert due_times() == [now.replace(second=0)]


@pytest.mark.parametrize(
    ("how", "reason"),
    [("off", "plugin-off"), ("quarantined", "plugin-off"), ("asleep", "asleep"), ("safe", "safe-mode")],
)
def test_a_plugin_that_is_not_to_run_does_not_and_its_schedule_says_so(
    task: Task, settings: Settings, how: str, reason: str
) -> None:
    plugin = Plugin.objects.get()
    version = plugin.current_version
    assert version is not None
    if how == "off":
        lifecycle.disable(plugin)
    elif how == "quarantined":
        VersionHealth.objects.create(version=version, quarantined_at=START)
    elif how == "asleep":
        VersionHealth.objects.create(version=version, open_until=START + timedelta(hours=1), times_opened=1)
    else:
        settings.WASM_PLUGINS_SAFE_MODE = True
    mark_changed()
    assert run_schedules(at(3)).as_json() == {"scheduled": 0, "missed": 3, "waiting": 0}
    task.refresh_from_db()
    assert (task.missed_runs, task.missed_at, task.missed_because) == (3, at(3), reason)
    VersionHealth.objects.all().delete()
    settings.WASM_PLUGINS_SAFE_MODE = False
    Plugin.objects.update(is_enabled=True)
    mark_changed()
    run_schedules(at(4))
    assert due_times() == [at(4)]


def test_a_task_that_is_off_or_gone_misses_nothing_and_begins_anew(task: Task) -> None:
    for columns in ({"is_enabled": False}, {"is_declared": False}, {"schedule": "off"}):
        Task.objects.update(**columns)
        run_schedules(at(20))
        Task.objects.update(is_enabled=True, is_declared=True, schedule="")
        run_schedules(at(40))
    assert due_times() == []
    assert Task.objects.get().missed_runs == 0
    mark_changed()
    run_schedules(at(41))
    assert due_times() == [at(41)]


def test_what_an_admin_wrote_counts_and_a_change_is_not_made_up_for(task: Task) -> None:
    Task.objects.update(schedule="0 * * * *")
    run_schedules(at(30))
    run_schedules(at(59))
    assert due_times() == []
    run_schedules(at(59) + timedelta(minutes=1))
    assert due_times() == [at(59) + timedelta(minutes=1)]


def test_another_time_zone_is_another_schedule(task: Task, settings: Settings) -> None:
    Task.objects.update(schedule="0 13 * * *")
    run_schedules(START)
    settings.WASM_PLUGINS_SCHEDULE_TIME_ZONE = "Europe/Madrid"  # where it is 13:00 already
    assert next_run(Task.objects.get(), START) == START.replace(hour=12, minute=0, second=0) + timedelta(days=1)
    run_schedules(START + timedelta(hours=2))
    assert due_times() == []


def test_a_schedule_that_the_project_has_forbidden_since_is_not_gone_by_and_says_why(
    task: Task, settings: Settings
) -> None:
    settings.WASM_PLUGINS_SCHEDULE_INTERVAL_S = 300
    run_schedules(at(10))
    assert due_times() == []
    assert "300" in schedule_of(Task.objects.get()).problem
    assert next_run(Task.objects.get()) is None


def test_a_row_that_was_set_back_makes_no_second_run(task: Task) -> None:
    run_schedules(at(1))
    run_schedules(at(2))
    Task.objects.update(scheduled_until=F("scheduled_until") - timedelta(minutes=1))
    run_schedules(at(2, 10))
    assert due_times() == [at(1), at(2)]
    run_schedules(at(3))
    assert due_times() == [at(1), at(2), at(3)]


def test_a_plugin_whose_runs_wait_is_asked_again_when_fewer_do(task: Task, settings: Settings) -> None:
    settings.WASM_PLUGINS_PENDING_RUNS = 1
    assert run_schedules(at(1)).scheduled == 1
    assert run_schedules(at(2)).as_json() == {"scheduled": 0, "missed": 0, "waiting": 1}
    TaskRun.objects.update(status="finished")
    assert run_schedules(at(2, 30)).scheduled == 1
    assert due_times() == [at(1), at(2)]


def test_one_task_that_cannot_be_looked_at_keeps_no_other_from_running(task: Task) -> None:
    Task.objects.create(plugin=task.plugin, name="gone-with-the-code", declared={"schedule": "* * * * *"})
    Task.objects.create(plugin=task.plugin, name="unreadable", declared={"schedule": ["no", "text"]})
    mark_changed()
    run_schedules(at(0, 40))
    run_schedules(at(2))
    assert at(2) in due_times()


def _component(toml: str) -> bytes:
    return plugin_component("loyalty", tasks={"recount": json_handler(ok("{}"))}, toml=toml)


def test_a_plugin_says_its_schedule_and_a_tuned_one_survives_a_new_version() -> None:
    install_component(_component('[tasks.recount]\nschedule = "30 3 * * *"\n'))
    assert schedule_of(Task.objects.get()).expression == "30 3 * * *"
    Task.objects.update(schedule="0 5 * * *")
    install_component(_component('[tasks.recount]\nschedule = "30 4 * * *"\n'))
    row = Task.objects.get()
    assert (row.declared["schedule"], row.schedule) == ("30 4 * * *", "0 5 * * *")
    Task.objects.update(schedule="")
    assert schedule_of(Task.objects.get()).expression == "30 4 * * *"


@pytest.mark.parametrize(
    "schedule", ['"every day"', '"* * * * * *"', '"0 0 30 2 *"', "5", "[]", '"off"', f'"{"0," * 200}0 * * * *"']
)
def test_a_plugin_whose_schedule_is_none_is_refused(schedule: str) -> None:
    record = {"plugin-name": "loyalty", "hooks": [], "routes": [], "tasks": ["recount"]}
    with pytest.raises(ManifestError) as caught:
        read_manifest(record, f"[tasks.recount]\nschedule = {schedule}\n".encode())
    assert caught.value.field == "tasks[0].schedule"


def test_a_plugin_that_wants_to_run_more_often_than_the_project_allows_is_refused(settings: Settings) -> None:
    settings.WASM_PLUGINS_SCHEDULE_INTERVAL_S = 300
    with pytest.raises(ManifestError) as caught:
        record_upload(_component('[tasks.recount]\nschedule = "*/2 * * * *"\n'))
    assert "120" in caught.value.message and "300" in caught.value.message


@pytest.mark.parametrize(("then", "is_switched"), [("30 3 * * *", True), ("* * * * *", False), ("", True)])
def test_an_upgrade_that_wants_to_run_more_by_itself_waits_for_an_admin(
    settings: Settings, then: str, is_switched: bool
) -> None:
    settings.WASM_PLUGINS_UPGRADES = "same-capabilities"
    install_component(_component('[tasks.recount]\nschedule = "30 3 * * *"\n'))
    version = record_upload(_component(f'title = "next"\n[tasks.recount]\nschedule = "{then}"\n'))
    assert (version.plugin.current_version_id == version.pk) is is_switched


def test_the_run_of_a_schedule_is_audited_as_nobodys(task: Task, settings: Settings) -> None:
    from wasm_plugins.outbox import outbox
    from wasm_plugins.tasks import perform_run

    run_schedules(at(1))
    assert perform_run(str(TaskRun.objects.get().pk)) == "finished"
    outbox.flush()
    found: Any = AuditEntry.objects.filter(act="task").first()
    assert found is not None and found.user_id is None
