"""Schedules: every task that runs by itself, when next, when last, and which due times it missed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.db.models import Max, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..models import Schedule, Task, TaskRun
from ..tasks.schedule import next_run, schedule_of
from .people import at_moment
from .permissions import may_see
from .readonly import ReadOnly
from .style import Styled

if TYPE_CHECKING:
    ScheduleAdminBase = admin.ModelAdmin[Schedule]
else:
    ScheduleAdminBase = admin.ModelAdmin

_NOTHING: Final = "–"


def next_in_words(task: Task) -> str:
    """Say when a task runs next by itself, or why it does not."""
    schedule = schedule_of(task)
    if schedule.problem:
        return _("never: %(problem)s") % {"problem": schedule.problem}
    if not task.plugin.is_enabled and schedule.expression:
        return _("not while the plugin is off")
    upcoming = next_run(task)
    return _NOTHING if upcoming is None else at_moment(upcoming)


@admin.register(Schedule)
class ScheduleAdmin(ReadOnly, Styled, ScheduleAdminBase):
    """Looked at here, and changed on the plugin's page; one query, however many there are."""

    list_display = ("task", "expression", "due_next", "ran_last", "missed", "where")
    list_display_links = None
    list_filter = ("plugin",)
    search_fields = ("name", "plugin__name")
    list_select_related = ("plugin",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees plugins."""
        return may_see(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The same."""
        return may_see(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Schedule]:
        """Return the tasks that have a schedule, or had one."""
        runs = TaskRun.objects.filter(plugin=OuterRef("plugin"), handler=OuterRef("name")).order_by()
        last = runs.filter(scheduled_for__isnull=False).values("handler").annotate(last=Max("scheduled_for"))
        rows: QuerySet[Schedule] = super().get_queryset(request).filter(is_declared=True)
        has_one = ~Q(schedule="") | ~Q(scheduled_as="") | (Q(declared__has_key="schedule") & ~Q(declared__schedule=""))
        return rows.filter(has_one).annotate(last_scheduled_for=Subquery(last.values("last")))

    @admin.display(description=gettext_lazy("task"), ordering="name")
    def task(self, row: Schedule) -> str:
        """Name the task with its plugin."""
        return str(row)

    @admin.display(description=gettext_lazy("schedule"))
    def expression(self, row: Schedule) -> str:
        """Show the expression, and whose it is."""
        schedule = schedule_of(row)
        if not schedule.expression:
            return _("none that can be used") if schedule.problem else _("off")
        said = {"expression": schedule.expression}
        return _("%(expression)s (changed here)") % said if row.schedule else schedule.expression

    @admin.display(description=gettext_lazy("next run"))
    def due_next(self, row: Schedule) -> str:
        """Say when it runs next."""
        return next_in_words(row)

    @admin.display(description=gettext_lazy("last run for"))
    def ran_last(self, row: Schedule) -> str:
        """Say which due time it ran for last."""
        last: datetime | None = getattr(row, "last_scheduled_for", None)
        return _NOTHING if last is None else at_moment(last)

    @admin.display(description=gettext_lazy("missed"), ordering="missed_runs")
    def missed(self, row: Schedule) -> str:
        """Say how many due times it missed, the last of them, and why."""
        if not row.missed_runs or row.missed_at is None:
            return _NOTHING
        words = ngettext("%(count)d, %(when)s: %(why)s", "%(count)d, the last %(when)s: %(why)s", row.missed_runs)
        why = row.get_missed_because_display()
        return words % {"count": row.missed_runs, "when": at_moment(row.missed_at), "why": why}

    @admin.display(description=gettext_lazy("change"))
    def where(self, row: Schedule) -> SafeString:
        """Link to the page where it may be changed."""
        url = reverse("admin:wasm_plugins_plugin_change", args=[row.plugin_id], current_app=self.admin_site.name)
        return format_html('<a href="{}">{}</a>', url, _("page of %(plugin)s") % {"plugin": row.plugin.name})
