"""Takes a run for one attempt, and writes what came of it only while it is still that attempt's."""

from __future__ import annotations

import logging
import uuid
from functools import partial
from typing import Any, Final

from django.db import router
from django.db.models import Q
from django.utils import timezone

from ..models import TaskRun
from . import held
from .lease import database_now, lease_end
from .outcome import Failure, failure_columns
from .queueing import rows_of
from .write_lock import write_patiently

_KEYS: Final = uuid.UUID("5f9a1f4e-3f0c-4a53-8a0b-9d5a3f1f7d10")
"""Namespace of idempotency keys (RFC 9562, version 5). Never to change: keys must outlive an upgrade."""

logger = logging.getLogger(__name__)

Status = TaskRun.Status


def parse_run_id(text: object) -> uuid.UUID | None:
    """Return the id in a text, or ``None`` where it is not exactly that: an id as Python writes it."""
    try:
        found = uuid.UUID(text if isinstance(text, str) and len(text) == 36 else "")
    except ValueError:
        return None
    return found if str(found) == text else None


def idempotency_key(run: TaskRun) -> str:
    """Return what a plugin may tell others of a run: the same in all its attempts, and no way to its result."""
    return str(uuid.uuid5(_KEYS, str(run.pk)))


def claim(run: TaskRun) -> bool:
    """Take a run that waits for one attempt, whose number nobody else gets; tell whether it could be taken.

    The number, ``attempts``, only ever grows: whoever writes an outcome names it, so that of two workers that both
    believe to hold the run, the later one is right and the earlier one writes nothing.

    Raises:
        OperationalError: Somebody else wrote to the database for too long.
    """
    alias = router.db_for_write(TaskRun, instance=run)
    now = database_now(alias)
    waits = Q(status=Status.PENDING) & (Q(attempts=0) | Q(due_at__lte=now))
    columns: dict[str, Any] = {
        "status": Status.RUNNING,
        "attempts": run.attempts + 1,
        "started_at": now,
        "heartbeat_at": now,
        "lease_until": lease_end(run, alias, now),
        "progress_percent": None,
        **dict.fromkeys(("progress_message", "result", "error_code", "error", "log"), ""),
    }
    rows = rows_of(run).filter(waits | Q(status=Status.QUEUED), attempts=run.attempts)
    if not write_patiently(partial(rows.update, **columns)):
        return False
    for name, value in columns.items():
        setattr(run, name, value)
    held.note(run.pk, run.attempts)
    return True


def record(run: TaskRun, columns: dict[str, Any]) -> bool:
    """Write an outcome, unless the run has gone on without this attempt; tell whether it was written."""
    mine = rows_of(run).filter(status=Status.RUNNING, attempts=run.attempts)
    return bool(mine.update(heartbeat_at=timezone.now(), **columns))


def give_back(run_id: str, attempt: int, failure: Failure) -> bool:
    """Write the failure of an attempt whose process is dead; tell whether the run was still in its hands.

    Raises:
        DatabaseError: The database does not answer; ``sweep`` finds the run when its lease is over.
    """
    key = parse_run_id(run_id)
    if key is None:
        return False
    held_runs = TaskRun.objects.select_related("plugin").filter(status=Status.RUNNING, attempts=attempt)
    run = held_runs.defer("input", "result", "log").filter(pk=key).first()
    if run is None:
        return False
    return record(run, failure_columns(run, failure, database_now(router.db_for_write(TaskRun, instance=run))))
