"""Schedules in the admin: tuned at their field, listed with what is due, and only for those who may see plugins."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.admin.pages import Staff, page_of, text_of
from tests.components import json_handler, ok, plugin_component
from tests.installed import install
from tests.management.ran import ran, shown
from wasm_plugins.models import Plugin, Task, TaskRun

pytestmark = pytest.mark.django_db

SCHEDULES = "/admin/wasm_plugins/schedule/"


@pytest.fixture
def plugin(db: None) -> Plugin:
    """A plugin with a task that has a schedule, and one that has none."""
    tasks = {"recount": json_handler(ok("{}")), "other": json_handler(ok("{}"))}
    toml = '[tasks.recount]\nschedule = "30 3 * * MON"\n'
    return install(plugin_component("loyalty", tasks=tasks, toml=toml))


def _row(plugin: Plugin) -> Task:
    return plugin.tasks.get(name="recount")


def _saved(approver: Staff, plugin: Plugin, schedule: str) -> Any:
    at = list(plugin.tasks.order_by("name").values_list("name", flat=True)).index("recount")
    return approver.save(plugin, {f"tasks-{at}-schedule": schedule})


@pytest.mark.parametrize(("written", "kept"), [("0  5 * * *", "0 5 * * *"), ("OFF", "off"), ("", "")])
def test_a_schedule_is_tuned_on_the_plugins_page(approver: Staff, plugin: Plugin, written: str, kept: str) -> None:
    assert _saved(approver, plugin, written).status_code == 302
    assert _row(plugin).schedule == kept


@pytest.mark.parametrize(
    "written", ["daily", "* * * *", "60 * * * *", "0 0 30 2 *", "*/2 * * * *", "<script>", "0 " * 80]
)
def test_what_is_no_schedule_is_refused_at_its_field(
    approver: Staff, plugin: Plugin, written: str, settings: Settings
) -> None:
    settings.WASM_PLUGINS_SCHEDULE_INTERVAL_S = 300
    page = text_of(_saved(approver, plugin, written))
    assert "errorlist" in page and "<script>" not in page.partition("errorlist")[2]
    assert _row(plugin).schedule == ""


def test_the_list_says_what_is_due_what_ran_and_what_was_missed(viewer: Staff, plugin: Plugin) -> None:
    moment = datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
    plugin.tasks.filter(name="recount").update(missed_runs=7, missed_at=moment, missed_because="asleep")
    TaskRun.objects.create(
        plugin=plugin, handler="recount", input="{}", queue="default", timeout_s=5, scheduled_for=moment
    )
    page = text_of(viewer.get(SCHEDULES))
    assert "30 3 * * MON" in page and page_of(plugin) in page
    assert "7, the last" in page and "the plugin was asleep" in page
    assert page.count("field-where") == 1
    assert "style=" not in page.partition('id="result_list"')[2].partition("</table>")[0]


def test_the_list_costs_no_query_for_each_row(viewer: Staff, plugin: Plugin) -> None:
    counts = []
    for number in range(3):
        plugin.tasks.create(name=f"more-{number}", declared={"schedule": "0 0 * * *"})
        with CaptureQueriesContext(connection) as found:
            viewer.get(SCHEDULES)
        counts.append(len(found))
    assert counts[1] == counts[2]


def test_schedules_are_for_those_who_see_plugins(nobody: Staff, viewer: Staff, plugin: Plugin) -> None:
    assert nobody.get(SCHEDULES).status_code == 403
    assert viewer.get(SCHEDULES).status_code == 200
    assert viewer.get(f"{SCHEDULES}add/").status_code == 403
    assert viewer.post(f"{SCHEDULES}{_row(plugin).pk}/delete/", {"post": "yes"}).status_code == 403
    assert Task.objects.count() == 2


def test_the_command_says_the_same(plugin: Plugin, settings: Settings) -> None:
    settings.WASM_PLUGINS_SCHEDULE_TIME_ZONE = "UTC"
    (found,) = ran("schedules")["schedules"]
    assert (found["plugin"], found["task"], found["schedule"], found["last"]) == (
        "loyalty",
        "recount",
        "30 3 * * MON",
        None,
    )
    assert found["next"] is not None and json.dumps(found)
    assert "loyalty/recount" in shown("schedules", "loyalty")
    assert ran("schedules", "nobody") == {"schedules": []}
    Plugin.objects.update(is_enabled=False)
    Task.objects.update(schedule="off")
    found, *_ = sorted(ran("schedules")["schedules"], key=lambda each: -len(each["declared"]))
    assert (found["next"], found["schedule"], found["tuned"], found["declared"]) == (None, "", "off", "30 3 * * MON")
