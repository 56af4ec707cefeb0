"""Performs one run in an RQ worker: claims the row, calls the plugin, and records what came of it."""

from __future__ import annotations

import logging
import time
import uuid
from functools import partial
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections, transaction
from django.db.models import F, Q
from django.utils import timezone
from rq.timeouts import BaseTimeoutException

from ..conf import conf
from ..exceptions import PluginError, PluginUnavailable
from ..manager import get_plugin_manager
from ..models import TaskRun
from ..outbox import outbox
from ..runtime.log import CallLog
from ..runtime.usage import collect_usage
from .outcome import UNAVAILABLE_S, failure_columns, failure_of, postponed_columns, success_columns
from .queueing import rows_of
from .recorder import Recorder
from .write_lock import has_one_writer, is_locked_out, write_patiently

IGNORED: Final = "ignored"
"""Answer to a job whose run is somebody else's, over, or none at all."""

_RECORD_PAUSES_S: Final = (0.0, 0.5, 2.0, 5.0)

logger = logging.getLogger(__name__)


class _Superseded(Exception):
    """Somebody found this attempt lost and took the run over, so what it did must be undone."""


def perform_run(run_id: str) -> str:
    """Perform a run, once: a second delivery of the same job does nothing.

    The plugin's changes and the row's ``finished`` are one transaction: there is never one without the other.
    Blocks for about the run's timeout at most.

    Args:
        run_id: Id of a ``TaskRun``, as a job carries it.

    Returns:
        What became of the row: a status of it, or ``ignored``.

    Raises:
        BaseException: Only what ends the worker's job or process, such as RQ's timeout; the row is marked first.
        DatabaseError: The outcome could not be recorded; ``sweep`` finds the run later.
    """
    _drop_old_connections()
    run = _claim(run_id)
    if run is None:
        return IGNORED
    recorder = Recorder(run, log := CallLog(conf.LOG_BYTES))
    try:
        with collect_usage() as recorder.usage:
            return _perform(run, log, recorder)
    except _Superseded:
        logger.warning("run %s: attempt %d was taken over, and is undone", run.pk, run.attempts)
        return IGNORED
    except BaseException as error:
        if not isinstance(error, PluginError):
            logger.exception("run %s failed in the host", run.pk)
        status = _record_failure(run, error, recorder)
        if isinstance(error, BaseTimeoutException) or not isinstance(error, Exception):
            raise
        return status
    finally:
        outbox.flush()  # RQ ends the process of a job without the exit at which that would happen


def _drop_old_connections() -> None:
    """Do what Django does before a request, for workers that live long; never in the midst of a transaction."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def _claim(run_id: object) -> TaskRun | None:
    """Take the run, or return ``None`` when it is no run that waits."""
    try:
        key = uuid.UUID(run_id if isinstance(run_id, str) else "")
    except ValueError:
        logger.warning("a job was refused: its argument is no run's id")
        return None
    now = timezone.now()
    waits = Q(status=TaskRun.Status.PENDING) & (Q(attempts=0) | Q(due_at__lte=now))
    claim = partial(
        TaskRun.objects.filter(waits | Q(status=TaskRun.Status.QUEUED), pk=key).update,
        status=TaskRun.Status.RUNNING,
        attempts=F("attempts") + 1,
        started_at=now,
        heartbeat_at=now,
        progress_percent=None,
        used={},
        **dict.fromkeys(("progress_message", "result", "error_code", "error", "log"), ""),
    )
    if not write_patiently(claim):
        logger.info("run %s is not waiting: this delivery is ignored", key)
        return None
    return TaskRun.objects.select_related("plugin", "requested_by").filter(pk=key).first()


def _perform(run: TaskRun, log: CallLog, recorder: Recorder) -> str:
    alias = run._state.db or DEFAULT_DB_ALIAS
    with transaction.atomic(using=alias):
        # Before anything is read: SQLite may refuse the lock at once to a transaction that has read.
        if has_one_writer(alias) and not _record(run, {}):
            raise _Superseded
        with recorder:
            answer = get_plugin_manager().run_handler(
                run.plugin.name,
                run.handler,
                run.input,
                user=run.requested_by,
                deadline_ms=run.timeout_s * 1000,
                log=log,
                report=recorder.report,
            )
        if not _record(run, {**success_columns(answer, run.handler), **recorder.columns()}):
            raise _Superseded
    return TaskRun.Status.FINISHED.value


def _record(run: TaskRun, columns: dict[str, Any]) -> bool:
    """Write an outcome, unless the run has gone on without this attempt."""
    mine = rows_of(run).filter(status=TaskRun.Status.RUNNING, attempts=run.attempts)
    return bool(mine.update(heartbeat_at=timezone.now(), **columns))


def _fate(run: TaskRun, error: BaseException) -> dict[str, Any]:
    """Return what a failure means for the run; what did not even begin costs no attempt."""
    if isinstance(error, PluginUnavailable):
        return postponed_columns(run, failure_of(error), pause_s=error.retry_after_s, patience_s=UNAVAILABLE_S)
    return (postponed_columns if is_locked_out(error) else failure_columns)(run, failure_of(error))


def _record_failure(run: TaskRun, error: BaseException, recorder: Recorder) -> str:
    """Write a failure, on a new connection if the old one was lost."""
    columns = {**_fate(run, error), **recorder.columns()}
    version = getattr(error, "version", None)
    if version is not None:
        columns["version_id"] = run.plugin.versions.filter(number=version).values_list("pk", flat=True).first()
    connection = connections[run._state.db or DEFAULT_DB_ALIAS]
    for pause_s in _RECORD_PAUSES_S:
        time.sleep(pause_s)
        try:
            return str(columns["status"]) if _record(run, columns) else IGNORED
        except (OperationalError, InterfaceError) as lost:
            if connection.in_atomic_block:
                raise
            logger.warning("run %s: its failure is not recorded yet: %s", run.pk, lost)
            connection.close()
    raise error
