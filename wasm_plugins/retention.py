"""Deletes what is older than it is to be kept, a batch at a time: audit entries, and task runs that have ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from .conf import conf
from .models import AuditEntry, CallCount, TaskRun

BATCH: Final = 1_000
"""Rows of each kind that one call deletes at most, so that no lock is held for long."""

_COUNTS_KEPT: Final = timedelta(days=2)
"""How long it is known how often plugins were called in which hour: a day is shown."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were deleted."""

    audit_entries: int
    runs: int

    @property
    def is_done(self) -> bool:
        """Whether nothing is left that is too old."""
        return max(self.audit_entries, self.runs) < BATCH

    def as_json(self) -> dict[str, int]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def prune(now: datetime | None = None) -> Pruned:
    """Delete one batch of each kind; safe in many processes at once.

    Args:
        now: The moment to judge by, for tests.
    """
    now = now or timezone.now()
    entries_before = now - timedelta(days=conf.AUDIT_RETENTION_DAYS)
    runs_before = now - timedelta(days=conf.RUN_RETENTION_DAYS)
    ended = TaskRun.objects.filter(status__in=TaskRun.ENDED, finished_at__lt=runs_before)
    CallCount.objects.filter(hour__lt=now - _COUNTS_KEPT).delete()
    oldest = list(ended.order_by("finished_at").values_list("pk", flat=True)[:BATCH])
    runs, _ = TaskRun.objects.filter(pk__in=oldest).delete() if oldest else (0, {})
    return Pruned(audit_entries=AuditEntry.objects.all().prune(entries_before, most=BATCH), runs=runs)
