"""What came of a run: the columns of a success, of a failure, and when to try again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from rq.timeouts import BaseTimeoutException

from ..exceptions import (
    ArtifactError,
    DeadlineExceeded,
    LimitExceeded,
    PluginError,
    PluginFailed,
    PluginTrapped,
    PluginUnavailable,
    SafeModeOn,
)
from ..manager import TaskAnswer
from ..models import TaskRun
from .write_lock import is_locked_out

ERROR_BYTES: Final = 8 * 1024
RESULT_BYTES: Final = 1024 * 1024
LONGEST_PAUSE_S: Final = 600
UNAVAILABLE_S: Final = 6 * 60 * 60
"""How long after it was asked for a run waits for a plugin that takes no calls, in seconds."""

LONGEST_WAIT_S: Final = 60
"""How long it waits at least before another attempt, once it has been sent away often."""

MOST_SPARED: Final = 8
"""Attempts of a run that cost no retry, since not the plugin was to blame: worker lost or stopped, code not loaded.

Those in which a plugin takes no calls are counted by themselves: they end after ``UNAVAILABLE_S``.
"""

_SLOWLY: Final = 3

HOST_ERROR: Final = "host-error"
INTERRUPTED: Final = "interrupted"
RUN_LOST: Final = "run-lost"
NOT_STARTED: Final = "run-not-started"
CANCELLED: Final = "run-cancelled"

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

    is_spared: bool = False
    """Whether the plugin is not to blame, so that the attempt costs no retry."""

    passes_slowly: bool = False
    """Whether what is to blame takes minutes to pass, as a deployment does."""

    waits_s: int | None = None
    """For how long the plugin takes no calls, where that is all there was."""


def failure_of(error: BaseException) -> Failure:
    """Return what a row keeps of an exception."""
    if isinstance(error, (PluginUnavailable, SafeModeOn)):
        waits_s = getattr(error, "retry_after_s", LONGEST_WAIT_S)
        return Failure(error.code, storable(str(error)), may_pass=True, is_spared=True, waits_s=waits_s)
    if isinstance(error, PluginError):
        text = f"{error}\n{error.backtrace}" if isinstance(error, PluginTrapped) else str(error)
        return Failure(error.code, storable(text.strip()), isinstance(error, _MAY_PASS))
    text = storable(f"{type(error).__name__}: {error}")
    is_stopped = not isinstance(error, Exception)
    code = INTERRUPTED if is_stopped or isinstance(error, BaseTimeoutException) else HOST_ERROR
    return Failure(code, text, may_pass=True, is_spared=is_stopped or is_locked_out(error))


def storable(text: str, limit_bytes: int = ERROR_BYTES) -> str:
    """Return a text cut to a limit, and without what PostgreSQL refuses to store."""
    kept = text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace")[:limit_bytes]
    return kept.decode(errors="ignore")


def check_length(handler: str, text: str | None) -> None:
    """Refuse an answer that is too long to be kept.

    Raises:
        LimitExceeded: It is.
    """
    if (size := len((text or "").encode(errors="replace"))) > RESULT_BYTES:
        raise LimitExceeded(
            f"{handler} answered {size} bytes; the limit result_bytes is {RESULT_BYTES}",
            export=handler,
            limit="result_bytes",
        )


def success_columns(answer: TaskAnswer, handler: str, now: datetime) -> dict[str, Any]:
    """Return what a row gets when the plugin answered.

    Raises:
        LimitExceeded: The answer is too long to be kept.
    """
    check_length(handler, answer.text)
    text = answer.text or ""
    return {
        "status": TaskRun.Status.FINISHED,
        "result": storable(text, RESULT_BYTES),
        "version_id": answer.version_id,
        "lease_until": None,
        "finished_at": now,
    }


def failure_columns(run: TaskRun, failure: Failure, now: datetime) -> dict[str, Any]:
    """Return what a row gets when an attempt failed: the end, or the moment of the next attempt.

    Args:
        run: The run, in that attempt.
        failure: What happened.
        now: What time it is for the database.
    """
    columns: dict[str, Any] = {"error_code": failure.code, "error": failure.text, "lease_until": None}
    if failure.waits_s is not None and now - run.created_at < timedelta(seconds=UNAVAILABLE_S):
        pause_s = max(failure.waits_s, min(LONGEST_WAIT_S, 2 ** min(run.waited, 10)))
        due_at = now + timedelta(seconds=min(LONGEST_PAUSE_S, pause_s))
        return {**columns, "status": TaskRun.Status.PENDING, "due_at": due_at, "waited": run.waited + 1}
    if failure.is_spared and run.spared < MOST_SPARED:
        due_at = next_due(run.spared + (_SLOWLY if failure.passes_slowly else 0), now)
        return {**columns, "status": TaskRun.Status.PENDING, "due_at": due_at, "spared": run.spared + 1}
    spent = run.attempts - run.spared - run.waited
    if failure.may_pass and spent <= run.max_retries:
        return {**columns, "status": TaskRun.Status.PENDING, "due_at": next_due(spent, now)}
    return {**columns, "status": TaskRun.Status.FAILED, "finished_at": now}


def next_due(attempts: int, now: datetime) -> datetime:
    """Return when to try again after that many attempts: 1, 2, 4, 8 … seconds later, ten minutes at most."""
    return now + timedelta(seconds=min(LONGEST_PAUSE_S, 2 ** min(attempts, 10)))
