"""What the page of one run shows, and what its script asks for while the run goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from ..models import TaskRun
from ..tasks.retry import why_not_retried
from .jobs import find_job_url
from .people import at_moment, by_whom
from .permissions import may_run
from .plain_text import pretty, split_error
from .spent import spent_rows

Status = TaskRun.Status


def standing_of(run: TaskRun) -> str:
    """Say in words where a run stands, and how far it came."""
    label = str(run.get_status_display())
    is_told = run.progress_percent is not None and run.status != Status.FINISHED
    return f"{label}: {progress_of(run)}" if is_told else label


def progress_of(run: TaskRun) -> str:
    """Say how far a run came."""
    return "–" if run.progress_percent is None else f"{run.progress_percent} % {run.progress_message}".rstrip()


def took_of(run: TaskRun) -> str:
    """Say how long the last attempt took."""
    if run.started_at is None or run.finished_at is None:
        return "–"
    return f"{max(0.0, (run.finished_at - run.started_at).total_seconds()):.1f} s"


def page_context(run: TaskRun, request: HttpRequest, current_app: str) -> dict[str, Any]:
    """Return what the template shows; asks the database once for the retry, and Redis once for the job."""
    error, backtrace = split_error(run.error)
    retry = TaskRun.objects.filter(retry_of=run.pk).values_list("pk", flat=True).first()
    is_permitted = may_run(request)
    return {
        "run": run,
        "standing": standing_of(run),
        "progress_text": progress_of(run),
        "input_text": pretty(run.input),
        "answer_text": pretty(run.result),
        "error_text": error,
        "backtrace": backtrace,
        "log_text": run.log,
        "spent": spent_rows(run.used),
        "facts": [(label, value) for label, value in _facts(run) if value not in ("", "–")],
        "job_url": find_job_url(run),
        "retry_pk": retry,
        "may_run": is_permitted,
        "may_cancel": is_permitted and not run.is_over,
        "may_retry": is_permitted and run.is_over and not why_not_retried(run),
        **{f"{name}_url": _url(run, name, current_app) for name in ("state", "cancel", "retry")},
    }


def state_of(run: TaskRun, log_from: int) -> dict[str, Any]:
    """Return what changes while a run goes on, as JSON; the log from a character on, which only grows in an attempt."""
    return {
        "status": run.status,
        "standing": standing_of(run),
        "attempts": run.attempts,
        "is_over": run.is_over,
        "percent": run.progress_percent,
        "progress": progress_of(run),
        "log": run.log[log_from:],
        "log_chars": len(run.log),
    }


def asker_of(run: TaskRun) -> str:
    """Say for whom a run is, and who asked for it again."""
    asker = by_whom(run.requested_by, is_visitor=bool(run.route))
    if run.first_id is None:
        return asker
    return _("%(asker)s; asked again by %(by)s") % {"asker": asker, "by": by_whom(run.retried_by)}


def _facts(run: TaskRun) -> list[tuple[str, str]]:
    attempts = _("%(attempts)d, of which %(spared)d cost no retry; %(retries)d retries are allowed")
    numbers = {"attempts": run.attempts, "spared": run.spared + run.waited, "retries": run.max_retries}
    return [
        (_("Asked for by"), asker_of(run)),
        (_("Asked for"), _moment(run.created_at)),
        (_("Through the route"), run.route),
        (_("Due"), "" if run.is_over else _moment(run.due_at)),
        (_("Attempts"), attempts % numbers),
        (_("Last attempt began"), _moment(run.started_at)),
        (_("Last sign of life"), "" if run.is_over else _moment(run.heartbeat_at)),
        (_("Leased until"), _moment(run.lease_until)),
        (_("Ended"), _moment(run.finished_at)),
        (_("Took"), took_of(run)),
        (_("Queue"), run.queue),
        (_("Time limit"), _("%(seconds)d s") % {"seconds": run.timeout_s}),
    ]


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else at_moment(moment)


def _url(run: TaskRun, name: str, current_app: str) -> str:
    return reverse(f"admin:wasm_plugins_taskrun_{name}", args=[run.pk], current_app=current_app)
