"""Takes SQLite's write lock before anything is read, and tells when somebody else had it for too long."""

from __future__ import annotations

import logging
import sqlite3
import uuid
from collections.abc import Callable
from typing import Final

from django.db import OperationalError, connections
from django.utils import timezone

from ..models import TaskRun

TRIES: Final = 3
"""How often a write that belongs to no transaction waits for the lock: each time as long as the project's timeout."""

_PRIMARY_CODE: Final = 0xFF  # SQLite tells the kind of a refusal in the bits above

_SERIALIZATION_FAILURE: Final = "40001"  # PostgreSQL, appendix A

logger = logging.getLogger(__name__)


def has_one_writer(alias: str) -> bool:
    """Tell whether a database's transactions begin as readers and may be refused to become the one writer."""
    return connections[alias].vendor == "sqlite"


def begin_writing(alias: str) -> None:
    """Make the transaction that just began a writing one, where there is only one writer.

    By default SQLite begins a transaction as a reader. Once it has read, and anybody else has written since, its own
    first write is refused at once, whatever the timeout; a transaction that writes first waits its turn instead.

    Raises:
        OperationalError: Somebody else wrote for longer than the timeout.
    """
    if has_one_writer(alias):
        no_run = TaskRun.objects.using(alias).filter(pk=uuid.uuid4())
        no_run.update(heartbeat_at=timezone.now())  # an update takes the lock even if it finds no row


def is_locked_out(error: BaseException) -> bool:
    """Tell whether an error says that somebody else had SQLite's lock: nothing was done, and it will pass."""
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    is_busy = isinstance(code, int) and code & _PRIMARY_CODE == sqlite3.SQLITE_BUSY
    return isinstance(error, OperationalError) and is_busy


def is_overtaken(error: BaseException) -> bool:
    """Tell whether somebody else changed a row since a ``REPEATABLE READ`` transaction began: a new one may go well."""
    return isinstance(error, OperationalError) and getattr(error.__cause__, "sqlstate", None) == _SERIALIZATION_FAILURE


def write_patiently(write: Callable[[], int]) -> int:
    """Do one write that is no part of a transaction, again when somebody else had the lock for too long.

    Raises:
        OperationalError: The lock was not free in any of the tries, or something else is wrong.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return write()
        except OperationalError as error:
            if attempt == TRIES or not is_locked_out(error):
                raise
            logger.warning("somebody else writes to the database for long: waiting on")
    raise AssertionError("the last try returns or raises")
