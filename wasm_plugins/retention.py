"""Deletes what is older than it is to be kept, a batch at a time: audit entries, calls, and runs that have ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from .conf import conf
from .models import AuditEntry, CallCount, KeptCall, TaskRun

BATCH: Final = 1_000
"""Rows of each kind that one call deletes at most, so that no lock is held for long."""

_COUNTS_KEPT: Final = timedelta(days=2)
"""How long it is known how often plugins were called in which hour: a day is shown."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were deleted."""

    audit_entries: int
    runs: int
    kept_calls: int

    @property
    def is_done(self) -> bool:
        """Whether nothing is left that is too old."""
        return max(self.audit_entries, self.runs, self.kept_calls) < BATCH

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
    entries = AuditEntry.objects.all().prune(entries_before, most=BATCH)
    return Pruned(audit_entries=entries, runs=runs, kept_calls=_prune_calls(runs_before))


def _prune_calls(before: datetime) -> int:
    """Delete calls that newer ones would never replace: their plugin is not called any more, or none are kept now."""
    old = KeptCall.objects.filter(at__lt=before) if conf.KEPT_CALLS > 0 else KeptCall.objects.all()
    oldest = list(old.order_by("at").values_list("pk", flat=True)[:BATCH])
    return KeptCall.objects.filter(pk__in=oldest).delete()[0] if oldest else 0
