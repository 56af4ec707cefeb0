"""Asks for a run: the row is written in the caller's transaction, and queued once that has committed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django_rq.settings import get_queues_map

from ..conf import conf
from ..exceptions import PluginNotFound, TaskNotFound, TooManyRuns
from ..models import TaskRun
from ..registry import find_snapshot
from ..snapshot import ActivePlugin, Snapshot, task_timeout_s
from .lease import database_now
from .queueing import enqueue
from .write_lock import begin_writing

logger = logging.getLogger(__name__)


def request_run(
    *,
    plugin: str,
    handler: str,
    input_text: str,
    user: Any = None,
    route: str = "",
    using: str = DEFAULT_DB_ALIAS,
    scheduled_for: datetime | None = None,
    again: Mapping[str, Any] | None = None,
) -> TaskRun:
    """Write a run down and queue it when the caller's transaction commits; a rollback takes it back.

    A queue that does not answer is no error: the row waits, and ``sweep`` queues it later.

    Args:
        plugin: Name of an enabled plugin.
        handler: A task of it, or the handler of a route that is processed as a task.
        input_text: The JSON text that the plugin gets.
        user: On whose behalf it runs; ``AnonymousUser`` and ``None`` are nobody.
        route: The path it was asked through, or nothing.
        using: The database that holds the rows, and whose transaction the run belongs to.
        scheduled_for: The due time that it is the one run of, where a schedule and nobody else asks.
        again: Columns that tie a retry to the run that it retries.

    Returns:
        The row. Its id is the job's id and what ``perform_run`` takes.

    Raises:
        PluginNotFound: No enabled plugin has that name.
        TaskNotFound: The plugin has no such task, and no route was named.
        TooManyRuns: As many runs of the plugin wait as may.
        IntegrityError: There is a run for that due time.
    """
    if connections[using].in_atomic_block:
        begin_writing(using)  # what we read below must not be the transaction's first act
    snapshot = find_snapshot()
    active = snapshot.plugins.get(plugin)
    if active is None:
        raise PluginNotFound("is not enabled", plugin=plugin)
    if not active.is_recorded:
        raise RuntimeError(f"{plugin} is of a test and has no row that a run could belong to; use execute_task")
    terms = _terms(snapshot, plugin, handler, is_route=bool(route))
    _check_room(active, using)
    run = TaskRun.objects.using(using).create(
        plugin_id=active.id,
        handler=handler,
        route=route,
        requested_by_id=getattr(user, "pk", None),
        input=input_text,
        due_at=database_now(using),
        scheduled_for=scheduled_for,
        **terms,
        **(again or {}),
    )
    transaction.on_commit(partial(enqueue, run), using=using, robust=True)
    return run


def _check_room(plugin: ActivePlugin, using: str) -> None:
    """Keep what anybody may ask for from filling the table; of many who ask at the same moment a few more get in."""
    limit = conf.PENDING_RUNS
    waiting = TaskRun.objects.using(using).filter(
        plugin_id=plugin.id, status__in=[TaskRun.Status.PENDING, TaskRun.Status.QUEUED]
    )
    if waiting.order_by()[:limit].count() >= limit:
        raise TooManyRuns(limit=limit, plugin=plugin.name, version=plugin.version)


def _terms(snapshot: Snapshot, plugin: str, handler: str, *, is_route: bool) -> dict[str, Any]:
    """Return queue, timeout and retries: the task's own, or the project's for a route's handler that is no task."""
    entry = snapshot.tasks.get((plugin, handler))
    if entry is not None:
        queue, timeout_s, retries = entry.queue, entry.timeout_s, entry.max_retries
    elif is_route:
        queue, timeout_s, retries = conf.QUEUE, task_timeout_s(snapshot.plugins[plugin]), 0
    else:
        raise TaskNotFound(f"has no task {handler}", plugin=plugin, version=snapshot.plugins[plugin].version)
    if queue not in get_queues_map():
        logger.warning("%s/%s: RQ_QUEUES has no queue %r, taking %r", plugin, handler, queue, conf.QUEUE)
        queue = conf.QUEUE
    return {"queue": queue, "timeout_s": timeout_s, "max_retries": retries}
