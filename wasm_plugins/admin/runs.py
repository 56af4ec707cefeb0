"""Task runs: the list with how each stands, and a page with input, outcome, log and the way to its job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import truncatechars
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import TaskRun
from .jobs import find_job_url
from .people import by_whom, shortly
from .readonly import ReadOnly
from .style import Styled

if TYPE_CHECKING:
    TaskRunAdminBase = admin.ModelAdmin[TaskRun]
else:
    TaskRunAdminBase = admin.ModelAdmin


_COLUMN_OF: Final = {
    "progress": "progress_percent",
    "asker": "id",
    "sent": "input",
    "answer": "result",
    "failure": "error",
    "lines": "log",
    "spent": "used",
    "job": "id",
    "took": "finished_at",
}
"""Which column of a run a field of its page needs, where it is not the field's own."""


class RunList(ChangeList):
    """Leaves out the long texts that only a run's page shows."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[TaskRun]:
        """Return the runs of the list."""
        rows: QuerySet[TaskRun] = super().get_queryset(request, exclude_parameters)
        return rows.defer("input", "log")


@admin.register(TaskRun)
class TaskRunAdmin(ReadOnly, Styled, TaskRunAdminBase):
    """What ran, for whom, and how it went."""

    list_display = ("task", "asker", "standing", "outcome", "asked_at", "took")
    list_filter = ("status", "plugin")
    search_fields = ("id", "handler", "plugin__name")
    list_select_related = ("plugin", "requested_by")
    date_hierarchy = "created_at"
    fieldsets = (
        (None, {"fields": ("id", "plugin", "version", "handler", "route", "status", "progress", "asker")}),
        (gettext_lazy("What went in and came out"), {"fields": ("sent", "answer", "error_code", "failure", "lines")}),
        (
            gettext_lazy("Queue and times"),
            {
                "fields": (
                    *(
                        "queue",
                        "job",
                        "attempts",
                        "max_retries",
                        "spared",
                        "waited",
                        "timeout_s",
                        "spent",
                        "created_at",
                        "due_at",
                    ),
                    *("started_at", "heartbeat_at", "lease_until", "finished_at", "took"),
                )
            },
        ),
    )
    readonly_fields = (
        *("id", "progress", "asker", "sent", "answer", "failure", "lines", "job", "spent", "created_at", "took"),
    )

    def get_fieldsets(self, request: HttpRequest, obj: TaskRun | None = None) -> Any:
        """Leave out what a run does not have, or not yet."""
        sections = super().get_fieldsets(request, obj)
        if obj is None:
            return sections
        kept = [(title, [name for name in section["fields"] if _has(obj, str(name))]) for title, section in sections]
        return [(title, {"fields": names}) for title, names in kept if names]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list without the long texts."""
        return RunList

    @admin.display(description=gettext_lazy("task"), ordering="handler")
    def task(self, run: TaskRun) -> str:
        """Name the task with its plugin."""
        return f"{run.plugin}: {run.handler}"

    @admin.display(description=gettext_lazy("asked by"), ordering="requested_by")
    def asker(self, run: TaskRun) -> str:
        """Name who asked for it."""
        return by_whom(run.requested_by, is_visitor=bool(run.route))

    @admin.display(description=gettext_lazy("asked for"), ordering="created_at")
    def asked_at(self, run: TaskRun) -> str:
        """Say when it was asked for."""
        return shortly(run.created_at)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def standing(self, run: TaskRun) -> str:
        """Say where it stands, and how far it came."""
        label = run.get_status_display()
        return label if run.progress_percent is None else f"{label}: {self.progress(run)}"

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, run: TaskRun) -> str:
        """Show how far it came."""
        return "–" if run.progress_percent is None else f"{run.progress_percent} % {run.progress_message}"

    @admin.display(description=gettext_lazy("outcome"))
    def outcome(self, run: TaskRun) -> str:
        """Show the beginning of what came out."""
        return truncatechars(run.error or run.result, 80) or "–"

    @admin.display(description=gettext_lazy("took"))
    def took(self, run: TaskRun) -> str:
        """Show how long it ran."""
        if run.started_at is None or run.finished_at is None:
            return "–"
        return f"{(run.finished_at - run.started_at).total_seconds():.1f} s"

    @admin.display(description=gettext_lazy("input"))
    def sent(self, run: TaskRun) -> str:
        """Show what the plugin got."""
        return as_text(run.input)

    @admin.display(description=gettext_lazy("result"))
    def answer(self, run: TaskRun) -> str:
        """Show what the plugin answered."""
        return as_text(run.result)

    @admin.display(description=gettext_lazy("error"))
    def failure(self, run: TaskRun) -> str:
        """Show what went wrong."""
        return as_text(run.error)

    @admin.display(description=gettext_lazy("log"))
    def lines(self, run: TaskRun) -> str:
        """Show what the plugin wrote."""
        return as_text(run.log)

    @admin.display(description=gettext_lazy("used of its limits"))
    def spent(self, run: TaskRun) -> str:
        """Show what the last attempt spent."""
        amounts = run.used.items() if isinstance(run.used, dict) else ()
        return as_text("\n".join(f"{name}: {' / '.join(map(str, used))}" for name, used in sorted(amounts)))

    @admin.display(description=gettext_lazy("job"))
    def job(self, run: TaskRun) -> str:
        """Link to the job in RQ's own pages, as long as RQ knows it."""
        url = find_job_url(run)
        return _("RQ knows no such job (any more)") if url is None else format_html('<a href="{}">{}</a>', url, run.pk)


def _has(run: TaskRun, field: str) -> bool:
    return getattr(run, _COLUMN_OF.get(field, field)) not in (None, "", {})


def as_text(text: str) -> str | SafeString:
    """Show text as it is, with its line breaks, and never as HTML."""
    return format_html('<pre class="plugin-text">{}</pre>', text) if text else "–"
