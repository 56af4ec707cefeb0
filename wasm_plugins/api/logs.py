"""The last calls and runs of a plugin with what it wrote, for whoever develops it; so many, and so long, at most."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db.models.functions import Left, Right

from ..models import KeptCall, Plugin, TaskRun
from .reports import written

MOST_ENTRIES: Final = 50
LOG_CHARS: Final = 16_384
"""How much of one log is told: its end."""

ERROR_CHARS: Final = 4_096


def recent_entries(plugin: Plugin, since: datetime | None) -> list[dict[str, Any]]:
    """List what ended after a moment, oldest first, at most ``MOST_ENTRIES`` of the newest; two queries.

    An entry may be written a little after its moment: who asks again should ask from some seconds earlier, and know an
    entry by its ``id``.
    """
    since = plugin.created_at if since is None else max(since, plugin.created_at)  # another one may have had the name
    found = [*_calls(plugin, since), *_runs(plugin, since)]
    return sorted(found, key=lambda entry: str(entry["at"]))[-MOST_ENTRIES:]


def _calls(plugin: Plugin, since: datetime) -> list[dict[str, Any]]:
    rows = KeptCall.objects.filter(plugin=plugin.name, at__gte=since).defer("log", "error")
    shown = rows.annotate(log_end=Right("log", LOG_CHARS), error_start=Left("error", ERROR_CHARS))
    return [
        _entry(f"call-{call.pk}", call.at, "call", call.export, call.version, call.outcome, call.elapsed_ms, call)
        for call in shown.order_by("-at", "-pk")[:MOST_ENTRIES]
    ]


def _runs(plugin: Plugin, since: datetime) -> list[dict[str, Any]]:
    rows = TaskRun.objects.filter(plugin=plugin, finished_at__gte=since).defer("log", "error", "input", "result")
    shown = rows.annotate(log_end=Right("log", LOG_CHARS), error_start=Left("error", ERROR_CHARS))
    return [
        _entry(f"run-{run.pk}", run.finished_at, "run", run.handler, _number(run), _outcome(run), _took_ms(run), run)
        for run in shown.select_related("version").order_by("-finished_at")[:MOST_ENTRIES]
    ]


def _entry(
    key: str,
    at: datetime | None,
    kind: str,
    export: str,
    version: int | None,
    outcome: str,
    elapsed_ms: float | None,
    row: Any,
) -> dict[str, Any]:
    return {
        "id": key,
        "at": written(at),
        "kind": kind,
        "export": export,
        "version": version,
        "outcome": outcome,
        "elapsed_ms": elapsed_ms,
        "error": row.error_start,
        "log": row.log_end.splitlines(),
    }


def _number(run: TaskRun) -> int | None:
    return None if run.version is None else run.version.number


def _outcome(run: TaskRun) -> str:
    return "ok" if run.status == TaskRun.Status.FINISHED else run.error_code or run.status


def _took_ms(run: TaskRun) -> float | None:
    if run.started_at is None or run.finished_at is None:
        return None
    return round((run.finished_at - run.started_at).total_seconds() * 1_000, 3)
