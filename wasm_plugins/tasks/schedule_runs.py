"""Asks for one run of each due time of each schedule, however many schedulers do so at once: the database is the judge.

A task's row says up to which due time everything has been dealt with. Whoever deals with the next one moves that on,
from exactly the value that it read, in the transaction that writes the run down; so of several one can. And no two runs
of a task may have the same due time, whatever somebody did to the clock or the rows.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import DatabaseError, IntegrityError, router, transaction
from django.db.models import F, Q

from ..conf import conf, is_safe_mode
from ..cron import next_due
from ..exceptions import PluginError, TooManyRuns
from ..models import Task, TaskRun
from ..registry import find_snapshot, registry
from ..snapshot import Snapshot
from .lease import database_now
from .request import request_run
from .schedule import schedule_of, schedule_zone
from .write_lock import begin_writing

MOST_DUE: Final = 1_000
"""Due times of one task that one look deals with; after a longer absence the next look goes on."""

MISSED: Final = ("latest", "all")
"""What may be done about due times that passed while no scheduler ran."""

logger = logging.getLogger(__name__)

Missed = Task.Missed


@dataclass(slots=True)
class ScheduleReport:
    """What one look came to."""

    scheduled: int = 0
    """Runs that were written down."""

    missed: int = 0
    """Due times that passed without a run."""

    waiting: int = 0
    """Tasks that are due and have to wait until fewer runs of their plugin do."""

    def as_json(self) -> dict[str, int]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def run_schedules(now: datetime | None = None) -> ScheduleReport:
    """Look once at all schedules, and ask for the runs that are due; safe in many processes at once.

    What time it is, the database says. A task whose schedule is new, or was changed, or was off, is due for the first
    time after the look that finds it so.

    Args:
        now: The moment to judge by, for tests.
    """
    now = now or database_now(router.db_for_read(Task))
    registry.invalidate()  # a plugin that was off half a second ago must not miss what is due now
    zone, snapshot, report = schedule_zone(), find_snapshot(), ScheduleReport()
    for task in Task.objects.select_related("plugin").filter(
        Q(is_declared=True, is_enabled=True) | ~Q(scheduled_as="")
    ):
        try:
            _Look(task, zone, snapshot, now, report).attend()
        except DatabaseError:  # such as two that changed one row, where the project isolates strictly
            logger.exception("the schedule of %s waits for the next look", task)
    return report


class _Look:
    """One look at one task."""

    def __init__(self, task: Task, zone: ZoneInfo, snapshot: Snapshot, now: datetime, report: ScheduleReport) -> None:
        self._task = task
        self._zone = zone
        self._snapshot = snapshot
        self._now = now
        self._report = report

    def attend(self) -> None:
        """Deal with all that is due."""
        task = self._task
        is_on = task.is_enabled and task.is_declared
        expression = schedule_of(task).expression if is_on else ""
        known_as = f"{expression} {self._zone.key}" if expression else ""
        if task.scheduled_as != known_as or task.scheduled_until is None:
            self._move(self._now, scheduled_as=known_as)  # from here on, or no longer
            return
        if not expression:
            return
        due = list(self._due(expression, task.scheduled_until))
        reason = self._objection()
        if due and reason is not None:
            self._miss(due[-1], len(due), reason)
        elif conf.SCHEDULE_MISSED == "all":
            self._ask_for_each(due)
        elif len(due) == MOST_DUE:  # the latest is yet to be found
            self._miss(due[-1], len(due), Missed.LATE)
        elif due:
            self._ask(due[-1], missed=len(due) - 1)

    def _ask_for_each(self, due: list[datetime]) -> None:
        for each in due:
            if not self._ask(each):
                return

    def _due(self, expression: str, after: datetime) -> Iterator[datetime]:
        for _ in range(MOST_DUE):
            found = next_due(expression, self._zone, after)
            if found is None or found > self._now:
                return
            yield found
            after = found

    def _objection(self) -> Missed | None:
        """Return why the plugin cannot run now."""
        if is_safe_mode():
            return Missed.SAFE_MODE
        active = self._snapshot.plugins.get(self._task.plugin.name)
        if active is None:
            return Missed.PLUGIN_OFF
        is_asleep = active.sleep is not None and active.sleep.until > self._now
        return Missed.ASLEEP if is_asleep else None

    def _miss(self, until: datetime, count: int, reason: Missed) -> None:
        if self._move(until, **_missed(until, count, reason)):
            self._report.missed += count
            logger.warning("%s: %d due times until %s passed without a run: %s", self._task, count, until, reason.value)

    def _ask(self, due: datetime, *, missed: int = 0) -> bool:
        """Ask for the run of a due time, and pass over those before it; tell whether to go on with the next."""
        task, alias = self._task, router.db_for_write(TaskRun)
        passed = _missed(due, missed, Missed.LATE) if missed else {}
        try:
            with transaction.atomic(using=alias):
                begin_writing(alias)
                if not self._move(due, **passed):
                    return False  # another scheduler was faster, and goes on
                text = json.dumps({"scheduled_for": due.isoformat()})
                request_run(plugin=task.plugin.name, handler=task.name, input_text=text, using=alias, scheduled_for=due)
        except IntegrityError:
            task.refresh_from_db(fields=["scheduled_until"])
            logger.warning("%s has had its run for %s: the row was set back", task, due)
            return (task.scheduled_until or due) < due and self._move(due)
        except TooManyRuns as full:
            self._report.waiting += 1
            logger.info("%s is due since %s and waits: %s", task, due, full)
            return False
        except PluginError as gone:  # switched off since the snapshot was made
            logger.info("%s is due and is not run: %s", task, gone)
            return False
        self._report.scheduled += 1
        self._report.missed += missed
        return True

    def _move(self, until: datetime, **columns: Any) -> bool:
        """Say that all due times up to one have been dealt with, unless somebody else said so; tell which."""
        task = self._task
        rows = Task.objects.filter(pk=task.pk, scheduled_as=task.scheduled_as, scheduled_until=task.scheduled_until)
        if not rows.update(scheduled_until=until, **columns):
            return False
        task.scheduled_until = until
        return True


def _missed(until: datetime, count: int, reason: Missed) -> dict[str, Any]:
    return {"missed_runs": F("missed_runs") + count, "missed_at": until, "missed_because": reason}
