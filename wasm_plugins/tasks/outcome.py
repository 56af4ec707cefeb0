"""What came of a run: the columns of a success, of a failure, and when to try again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone
from rq.timeouts import BaseTimeoutException

from ..exceptions import (
    ArtifactError,
    DeadlineExceeded,
    LimitExceeded,
    PluginError,
    PluginFailed,
    PluginTrapped,
)
from ..manager import TaskAnswer
from ..models import TaskRun

ERROR_BYTES: Final = 8 * 1024
RESULT_BYTES: Final = 1024 * 1024
LONGEST_PAUSE_S: Final = 600
UNAVAILABLE_S: Final = 6 * 60 * 60
"""How long after it was asked for a run waits for a plugin that is asleep or busy, in seconds."""

HOST_ERROR: Final = "host-error"
INTERRUPTED: Final = "interrupted"
RUN_LOST: Final = "run-lost"
NOT_STARTED: Final = "run-not-started"

_MAY_PASS: Final = (ArtifactError, DeadlineExceeded, PluginFailed, PluginTrapped)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed."""

    code: str
    """An error's ``code``, or one of this module's."""

    text: str
    """For administrators: bounded, without a traceback of the host's."""

    may_pass: bool
    """Whether another attempt could end otherwise."""


def failure_of(error: BaseException) -> Failure:
    """Return what a row keeps of an exception."""
    if isinstance(error, PluginError):
        text = f"{error}\n{error.backtrace}" if isinstance(error, PluginTrapped) else str(error)
        return Failure(error.code, storable(text.strip()), isinstance(error, _MAY_PASS))
    text = storable(f"{type(error).__name__}: {error}")
    is_end_of_process = isinstance(error, BaseTimeoutException) or not isinstance(error, Exception)
    return Failure(INTERRUPTED if is_end_of_process else HOST_ERROR, text, may_pass=True)


def storable(text: str, limit_bytes: int = ERROR_BYTES) -> str:
    """Return a text cut to a limit, and without what PostgreSQL refuses to store."""
    kept = text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace")[:limit_bytes]
    return kept.decode(errors="ignore")


def success_columns(answer: TaskAnswer, handler: str) -> dict[str, Any]:
    """Return what a row gets when the plugin answered.

    Raises:
        LimitExceeded: The answer is too long to be kept.
    """
    text = answer.text or ""
    if (size := len(text.encode(errors="replace"))) > RESULT_BYTES:
        raise LimitExceeded(
            f"{handler} answered {size} bytes; the limit result_bytes is {RESULT_BYTES}",
            export=handler,
            limit="result_bytes",
        )
    return {
        "status": TaskRun.Status.FINISHED,
        "result": storable(text, RESULT_BYTES),
        "version_id": answer.version_id,
        "finished_at": timezone.now(),
    }


def failure_columns(run: TaskRun, failure: Failure) -> dict[str, Any]:
    """Return what a row gets when an attempt failed: the end, or the moment of the next attempt."""
    now = timezone.now()
    columns = {"error_code": failure.code, "error": failure.text}
    if failure.may_pass and run.attempts <= run.max_retries:
        return {**columns, "status": TaskRun.Status.PENDING, "due_at": next_due(run.attempts, now)}
    return {**columns, "status": TaskRun.Status.FAILED, "finished_at": now}


def postponed_columns(
    run: TaskRun, failure: Failure, *, pause_s: int = 1, patience_s: int = LONGEST_PAUSE_S
) -> dict[str, Any]:
    """Return what a row gets when others kept an attempt from beginning: another one, which costs no retry.

    A run that has been asked for longer ago than ``patience_s`` fails as others do, so that none goes on for ever.
    """
    now = timezone.now()
    if now - run.created_at > timedelta(seconds=patience_s):
        return failure_columns(run, failure)
    return {
        "error_code": failure.code,
        "error": failure.text,
        "status": TaskRun.Status.PENDING,
        "attempts": max(0, run.attempts - 1),
        "due_at": now + timedelta(seconds=min(LONGEST_PAUSE_S, pause_s)),
    }


def next_due(attempts: int, now: datetime) -> datetime:
    """Return when to try again after that many attempts: 2, 4, 8 … seconds later, ten minutes at most."""
    return now + timedelta(seconds=min(LONGEST_PAUSE_S, 2 ** min(attempts, 10)))
