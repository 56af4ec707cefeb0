"""Which versions sleep: the one part of a snapshot that changes without anybody's doing, and is read by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .models import VersionHealth


@dataclass(frozen=True, slots=True)
class Sleep:
    """A version whose circuit breaker is open."""

    until: datetime
    """When one call may try whether it is well again."""

    times: int
    """How often in a row it fell asleep."""


def sleep_of(health: VersionHealth | None) -> Sleep | None:
    """Return how a version sleeps whose health is on record; ``None`` while it is awake."""
    return None if health is None or health.open_until is None else Sleep(health.open_until, health.times_opened)


def load_sleeps() -> dict[int, Sleep]:
    """Read which versions sleep, by their id; one query."""
    rows = VersionHealth.objects.filter(open_until__isnull=False).only("version_id", "open_until", "times_opened")
    return {row.version_id: sleep for row in rows if (sleep := sleep_of(row)) is not None}
