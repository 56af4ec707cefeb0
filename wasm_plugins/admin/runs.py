"""Task runs: the list with how each stands, and a page with input, outcome and log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.template.defaultfilters import truncatechars
from django.utils.translation import gettext_lazy as _

from ..models import TaskRun
from .readonly import ReadOnly

if TYPE_CHECKING:
    TaskRunAdminBase = admin.ModelAdmin[TaskRun]
else:
    TaskRunAdminBase = admin.ModelAdmin


@admin.register(TaskRun)
class TaskRunAdmin(ReadOnly, TaskRunAdminBase):
    """What ran, for whom, and how it went."""

    list_display = ("handler", "plugin", "status", "progress", "outcome", "requested_by", "created_at", "took")
    list_filter = ("status", "plugin")
    search_fields = ("id", "handler", "plugin__name")
    list_select_related = ("plugin", "requested_by")
    date_hierarchy = "created_at"

    @admin.display(description=_("progress"))
    def progress(self, run: TaskRun) -> str:
        """Show how far it came."""
        return "–" if run.progress_percent is None else f"{run.progress_percent} % {run.progress_message}"

    @admin.display(description=_("outcome"))
    def outcome(self, run: TaskRun) -> str:
        """Show the beginning of what came out."""
        return truncatechars(run.error or run.result, 80)

    @admin.display(description=_("took"))
    def took(self, run: TaskRun) -> str:
        """Show how long it ran."""
        if run.started_at is None or run.finished_at is None:
            return "–"
        return f"{(run.finished_at - run.started_at).total_seconds():.1f} s"
