"""Task runs: the list with how each stands, and a page with input, outcome and log that follows a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import truncatechars
from django.utils.translation import gettext_lazy

from ..models import TaskRun
from .people import at_moment, by_whom
from .readonly import ReadOnly
from .run_filters import AskedFilter, TaskFilter
from .run_list import BoundedPaginator, RunList, id_in
from .run_page import page_context, standing_of, took_of
from .run_views import RunViews
from .style import Styled

if TYPE_CHECKING:
    TaskRunAdminBase = admin.ModelAdmin[TaskRun]
else:
    TaskRunAdminBase = admin.ModelAdmin


@admin.register(TaskRun)
class TaskRunAdmin(ReadOnly, Styled, RunViews, TaskRunAdminBase):
    """What ran, for whom, and how it went."""

    list_display = ("task", "asker", "standing", "outcome", "asked_at", "took")
    list_filter = ("status", "plugin", TaskFilter, AskedFilter)
    search_fields = ("handler", "plugin__name", f"requested_by__{get_user_model().USERNAME_FIELD}")
    search_help_text = gettext_lazy("A run's id, or part of a task's, a plugin's or a user's name.")
    list_select_related = ("plugin", "requested_by")
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False  # the table may be large; so nothing of it is counted for each filter either
    show_facets = admin.ShowFacets.NEVER
    change_list_template = "wasm_plugins/admin/run_list.html"
    change_form_template = "wasm_plugins/admin/run.html"
    fields = ("id",)  # the template shows the rest

    class Media(Styled.Media):
        js = ("wasm_plugins/run.js",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list without the long texts."""
        return RunList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[TaskRun], search_term: str
    ) -> tuple[QuerySet[TaskRun], bool]:
        """Find the one run whose id is looked for, or those whose names have the words."""
        if (key := id_in(search_term)) is not None:
            return queryset.filter(pk=key), False
        return super().get_search_results(request, queryset, search_term)

    def get_queryset(self, request: HttpRequest) -> QuerySet[TaskRun]:
        """Fetch with a run whom its page names."""
        return super().get_queryset(request).select_related("plugin", "version", "requested_by", "retried_by")

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Tell the page what to show."""
        run: TaskRun | None = kwargs.get("obj")
        if run is not None:
            context |= page_context(run, request, self.admin_site.name)
            context["title"] = f"{run.plugin.name}: {run.handler}"
            context["subtitle"] = None
        return super().render_change_form(request, context, *args, **kwargs)

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
        return at_moment(run.created_at)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def standing(self, run: TaskRun) -> str:
        """Say where it stands, and how far it came."""
        return standing_of(run)

    @admin.display(description=gettext_lazy("outcome"))
    def outcome(self, run: TaskRun) -> str:
        """Show the beginning of what came out."""
        return truncatechars((run.error or run.result).partition("\n")[0], 80) or "–"

    @admin.display(description=gettext_lazy("took"))
    def took(self, run: TaskRun) -> str:
        """Show how long it ran."""
        return took_of(run)
