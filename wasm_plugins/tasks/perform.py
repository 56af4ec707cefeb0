"""Performs one run in an RQ worker: claims the row, calls the plugin, and records what came of it."""

from __future__ import annotations

import logging
from functools import partial
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from rq.timeouts import BaseTimeoutException

from .. import components
from ..audit import CallRecord, Superseded, attributed
from ..conf import conf
from ..exceptions import CallStopped, PluginError
from ..health import loading
from ..host.context import RunFacts
from ..manager import get_plugin_manager
from ..models import TaskRun
from ..outbox import outbox
from ..registry import find_snapshot, registry
from ..runtime.log import CallLog
from ..runtime.stopping import stoppable
from ..runtime.usage import collect_usage
from . import held
from .claim import claim, idempotency_key, parse_run_id
from .lease import database_now
from .outcome import check_length, success_columns
from .record import IGNORED, record, record_failure, record_last_words
from .recorder import Recorder
from .write_lock import has_one_writer

UNKNOWN: Final = "unknown"
"""Answer to a job whose run there is not, or whose argument is no run's id."""

logger = logging.getLogger(__name__)


def perform_run(run_id: str) -> str:
    """Perform a run, once: a second delivery of the same job does nothing.

    The plugin's changes and the row's ``finished`` are one transaction: there is never one without the other.
    Blocks for about the run's timeout at most.

    Args:
        run_id: Id of a ``TaskRun``, as a job carries it.

    Returns:
        What became of the row: a status of it, ``ignored`` or ``unknown``.

    Raises:
        BaseException: Only what ends the worker's job or process, such as RQ's timeout; the row is marked first.
        DatabaseError: The outcome could not be recorded; ``sweep`` finds the run later.
    """
    _drop_old_connections()
    run = _find(run_id)
    if run is None:
        return UNKNOWN
    if not claim(run):
        logger.info("run %s is not waiting: this delivery is ignored", run.pk)
        return IGNORED
    status = _attempt(run)
    held.forget()  # only now: until its outcome is written, whoever outlives this process may give the run back
    return status


def _attempt(run: TaskRun) -> str:
    recorder = Recorder(run, log := CallLog(conf.LOG_BYTES))
    is_loaded = False
    try:
        # Around all of it: an entry that went with the call's own transaction may yet be undone.
        with attributed("task", user=run.requested_by, subject=run.handler) as entry:
            entry.about(run.plugin.name)
            entry.wait_for_call()
            with recorder:
                _load(run, entry)
            is_loaded = True
            with collect_usage() as recorder.usage, stoppable(recorder.stop):
                return _perform(run, log, recorder)
    except (Superseded, CallStopped):
        logger.warning("run %s: attempt %d was cancelled or taken over, and is undone", run.pk, run.attempts)
        record_last_words(run, recorder)
        return IGNORED
    except BaseException as error:
        if not isinstance(error, PluginError):
            logger.exception("run %s failed in the host", run.pk)
        status = record_failure(run, error, recorder, is_loaded=is_loaded)
        if isinstance(error, BaseTimeoutException) or not isinstance(error, Exception):
            raise
        return status
    finally:
        outbox.flush()  # RQ ends the process of a job without the exit at which this would happen


def _drop_old_connections() -> None:
    """Do what Django does before a request, for workers that live long; never in the midst of a transaction."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def _find(run_id: object) -> TaskRun | None:
    key = parse_run_id(run_id)
    if key is None:
        logger.warning("a job was refused: its argument is no run's id")
        return None
    return TaskRun.objects.select_related("plugin", "requested_by").filter(pk=key).first()


def _load(run: TaskRun, entry: CallRecord) -> None:
    """Load the version that is current now, before any transaction begins: compiling it may take long.

    Raises:
        SafeModeOn: Safe mode is on.
        PluginError: This worker cannot: bytes are missing, or the plugin is made for a newer host.
    """
    components.refuse_in_safe_mode()
    registry.invalidate()  # what this process knew may be half a second old
    active = find_snapshot().plugins.get(run.plugin.name)
    if active is None:
        return
    entry.about(active.name, active.version, active.digest)
    try:
        with loading(active):
            components.get_linked(active.digest)
    except PluginError as error:
        raise error.about(active.name, active.version) from error.__cause__


def _perform(run: TaskRun, log: CallLog, recorder: Recorder) -> str:
    alias = run._state.db or DEFAULT_DB_ALIAS
    with transaction.atomic(using=alias):
        # Before anything is read: SQLite may refuse the lock at once to a transaction that has read.
        if has_one_writer(alias) and not record(run, {}):
            raise Superseded
        with recorder:
            answer = get_plugin_manager().run_handler(
                run.plugin.name,
                run.handler,
                run.input,
                user=run.requested_by,
                deadline_ms=run.timeout_s * 1000,
                log=log,
                report=recorder.report,
                run=RunFacts(idempotency_key=idempotency_key(run), attempt=run.attempts),
                # Within the call: what is refused later would undo its audit entry with its transaction.
                accept=partial(check_length, run.handler),
            )
        columns = success_columns(answer, run.handler, database_now(alias))
        if not record(run, {**columns, **recorder.columns()}):
            raise Superseded
    return TaskRun.Status.FINISHED.value
