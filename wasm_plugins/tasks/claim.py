"""Takes a run that waits for one attempt, whose number nobody else gets."""

from __future__ import annotations

import logging
import uuid
from functools import partial
from typing import Any, Final

from django.db import router
from django.db.models import Q

from ..models import TaskRun
from . import held
from .lease import database_now, lease_end
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
    """Return what a plugin may tell others of a run: the same in all its attempts and retries, no way to its result.

    A retry has the key of the run that it retries, since that one may have got as far as telling somebody.
    """
    return str(uuid.uuid5(_KEYS, str(run.first_id or run.pk)))


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
        "used": {},
        **dict.fromkeys(("progress_message", "result", "error_code", "error", "log"), ""),
    }
    rows = rows_of(run).filter(waits | Q(status=Status.QUEUED), attempts=run.attempts)
    if not write_patiently(partial(rows.update, **columns)):
        return False
    for name, value in columns.items():
        setattr(run, name, value)
    held.note(run.pk, run.attempts)
    return True
