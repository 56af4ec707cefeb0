"""How long an attempt holds its run, by the clock of the database, which all hosts share."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import connections
from django.utils import timezone

from ..conf import conf
from ..models import TaskRun

GRACE_S: Final = 30
"""How much later RQ gives a job up than the plugin's own deadline ends it. RQ's signal cannot stop wasm."""

_BEATS: Final = 6
_READ_COMMITTED: Final = 2  # psycopg.IsolationLevel, which a project on another database does not have


def database_now(alias: str) -> datetime:
    """Return what time it is for the database: hosts may disagree about it, and leases must not.

    SQLite has no clock of its own, and one host. Blocks for one exchange with PostgreSQL.
    """
    connection = connections[alias]
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now


def shows_life(alias: str) -> bool:
    """Tell whether runs in a database can be written to while they run.

    SQLite has one writer, which is the run's own transaction. Under PostgreSQL's stricter isolation levels the run's
    transaction could no longer write a row that somebody else changed since it began.
    """
    connection = connections[alias]
    isolation = connection.settings_dict.get("OPTIONS", {}).get("isolation_level")
    return connection.vendor != "sqlite" and isolation in (None, _READ_COMMITTED)


def lease_end(run: TaskRun, alias: str, now: datetime) -> datetime:
    """Return until when an attempt holds its run: renewed while it runs, or as long as RQ lets it run."""
    lasts_s = conf.LEASE_S if shows_life(alias) else run.timeout_s + GRACE_S + conf.LEASE_S
    return now + timedelta(seconds=lasts_s)


def heartbeat_s() -> float:
    """Return how often an attempt renews its lease, in seconds: so often that it may miss a few times."""
    return conf.LEASE_S / _BEATS
