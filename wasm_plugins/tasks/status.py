"""What whoever asked for a run may know of it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from ..exceptions import DeadlineExceeded, PluginFailed, PluginNotFound, TaskNotFound
from ..exchange import refuse_constant
from ..models import TaskRun
from .outcome import CANCELLED, HOST_ERROR, INTERRUPTED, NOT_STARTED, RUN_LOST

_TOLD: Final = {each.code for each in (DeadlineExceeded, PluginFailed, PluginNotFound, TaskNotFound)}
"""Errors whose text is for whoever asked. Others may hold a backtrace or a path, which are for administrators."""

_OURS: Final = {
    HOST_ERROR: "The server had a problem of its own.",
    INTERRUPTED: "The worker was stopped.",
    RUN_LOST: "The worker was lost.",
    NOT_STARTED: "The worker could not begin.",
    CANCELLED: "Somebody cancelled it.",
}


def describe_run(run: TaskRun, *, for_staff: bool = False) -> dict[str, Any]:
    """Return a run as plain values, ready for JSON: no backtrace, no log, nothing of the server's inside.

    ``result`` is the plugin's answer, parsed when it is JSON. ``error`` is there when the last attempt failed.
    For staff there is also ``used``: what the last attempt spent of its limits, ``[used, limit]`` by name.
    """
    told = {
        "id": str(run.pk),
        "plugin": run.plugin.name,
        "task": run.handler,
        "status": run.status,
        "attempts": run.attempts,
        "progress": _progress(run),
        "result": _parsed(run.result) if run.status == TaskRun.Status.FINISHED else None,
        "error": {"code": run.error_code, "message": _message(run)} if run.error_code else None,
        "created_at": _written(run.created_at),
        "started_at": _written(run.started_at),
        "finished_at": _written(run.finished_at),
    }
    return {**told, "used": run.used} if for_staff else told


def _progress(run: TaskRun) -> dict[str, Any] | None:
    if run.progress_percent is None:
        return None
    return {"percent": run.progress_percent, "message": run.progress_message}


def _parsed(text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return text


def _message(run: TaskRun) -> str:
    if run.error_code in _TOLD:
        return run.error
    return _OURS.get(run.error_code, "The plugin gave no answer.")


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
