"""``plugins schedules``: shows what runs by itself and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser
from django.db.models import Max, QuerySet
from django.utils import timezone

from ...models import Task, TaskRun
from ...tasks import next_run, schedule_of
from .answer import Answer, table

HELP: Final = "Show the schedules of tasks."
_HEAD: Final = ("TASK", "SCHEDULE", "NEXT", "LAST", "MISSED")


def add_arguments(parser: CommandParser) -> None:
    """Take the plugin whose tasks are wanted."""
    parser.add_argument("plugin", nargs="?", default="", metavar="PLUGIN", help="Only those of one plugin.")


def run(options: Mapping[str, Any]) -> Answer:
    """List every task that has a schedule, or had one; three queries."""
    tasks = _tasks(options["plugin"])
    last = _last_runs()
    data = [_described(task, last.get((task.plugin_id, task.name))) for task in tasks]
    lines = [
        (f"{each['plugin']}/{each['task']}", each["problem"] or each["schedule"] or "off", *_times(each), _missed(each))
        for each in data
    ]
    return Answer({"schedules": data}, table(_HEAD, lines) if lines else "no task has a schedule")


def _tasks(plugin: str) -> list[Task]:
    rows: QuerySet[Task] = Task.objects.select_related("plugin").filter(is_declared=True)
    rows = rows.filter(plugin__name=plugin) if plugin else rows
    return [task for task in rows.order_by("plugin__name", "name") if task.schedule or task.declared.get("schedule")]


def _last_runs() -> dict[tuple[int, str], Any]:
    rows = TaskRun.objects.filter(scheduled_for__isnull=False).order_by()
    found = rows.values_list("plugin_id", "handler").annotate(last=Max("scheduled_for"))
    return {(plugin_id, handler): last for plugin_id, handler, last in found}


def _described(task: Task, last: Any) -> dict[str, Any]:
    schedule, upcoming = schedule_of(task), next_run(task) if task.plugin.is_enabled else None
    return {
        "plugin": task.plugin.name,
        "task": task.name,
        "schedule": schedule.expression,
        "declared": task.declared.get("schedule", ""),
        "tuned": task.schedule,
        "problem": schedule.problem,
        "next": _written(upcoming),
        "last": _written(last),
        "missed": task.missed_runs,
        "last_missed": _written(task.missed_at),
        "missed_because": task.missed_because,
    }


def _written(moment: Any) -> str | None:
    return None if moment is None else timezone.localtime(moment).isoformat(timespec="seconds")


def _times(each: Mapping[str, Any]) -> tuple[str, str]:
    return each["next"] or "-", each["last"] or "-"


def _missed(each: Mapping[str, Any]) -> str:
    return f"{each['missed']} ({each['missed_because']})" if each["missed"] else "-"
