"""What a task's schedule is, put together from what the plugin declares, an admin tuned and the project allows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from django.utils import timezone

from ..conf import conf
from ..cron import ScheduleError, check_schedule, next_due
from ..models import Task

OFF: Final = "off"
"""What an admin writes in place of an expression, so that a task runs by itself no more."""


@dataclass(frozen=True, slots=True)
class TaskSchedule:
    """When one task runs by itself."""

    expression: str
    """Five fields, or empty: never."""

    problem: str = ""
    """Why the expression that somebody wrote is not gone by, or empty."""


def schedule_of(task: Task) -> TaskSchedule:
    """Return a task's schedule: the one that an admin wrote, or the plugin's own. Asks no database.

    An expression that was recorded before the project forbade it has a problem and is not gone by.
    """
    written = task.schedule or task.declared.get("schedule") or ""
    if written in ("", OFF):
        return TaskSchedule("")
    try:
        return TaskSchedule(allowed_schedule(str(written)))
    except ScheduleError as error:
        return TaskSchedule("", str(error))


def allowed_schedule(expression: str) -> str:
    """Return an expression that a task of this project may go by.

    Raises:
        ScheduleError: It is none, or is due more often than ``WASM_PLUGINS_SCHEDULE_INTERVAL_S`` allows.
    """
    return check_schedule(expression, least_interval_s=conf.SCHEDULE_INTERVAL_S)


def schedule_zone() -> ZoneInfo:
    """Return the time zone that schedules are about: the setting's, or the project's.

    Raises:
        ZoneInfoNotFoundError: There is no such time zone.
    """
    return ZoneInfo(conf.SCHEDULE_TIME_ZONE or timezone.get_default_timezone_name())


def next_run(task: Task, after: datetime | None = None) -> datetime | None:
    """Return when a task is due next by itself, in UTC, or ``None``: it is off, or has no schedule.

    Whether the plugin is on by then is not asked. Asks no database.

    Args:
        task: The task; its plugin's row is not looked at.
        after: The moment to go on from; ``None`` means now.
    """
    schedule = schedule_of(task)
    if not schedule.expression or not task.is_enabled or not task.is_declared:
        return None
    return next_due(schedule.expression, schedule_zone(), after or timezone.now())
