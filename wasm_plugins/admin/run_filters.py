"""By what the list of runs is narrowed: the task, who asked, and when; none of it reads the whole table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.contrib.admin import ListFilter, ModelAdmin, SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_date
from django.utils.timezone import make_aware
from django.utils.translation import gettext_lazy as _

from ..models import Route, Task, TaskRun

MOST_TASKS: Final = 200

_KEY_DIGITS: Final = 19
"""So many digits a key may not have: some numbers of that length are larger than any key."""


class TaskFilter(SimpleListFilter):
    """The tasks that plugins have now, of the chosen plugin where one is chosen; not those of all rows."""

    title = _("task")
    parameter_name = "task"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """List the tasks, and the handlers of routes that are processed as one."""
        tasks, routes = Task.objects.all(), Route.objects.filter(process_as_task=True)
        if (plugin := request.GET.get("plugin__id__exact", "")).isdecimal() and len(plugin) < _KEY_DIGITS:
            tasks, routes = tasks.filter(plugin=int(plugin)), routes.filter(plugin=int(plugin))
        names = {*tasks.values_list("name", flat=True), *routes.values_list("handler", flat=True)}
        return [(name, name) for name in sorted(names)[:MOST_TASKS]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaskRun]) -> QuerySet[TaskRun]:
        """Return the runs of the chosen task."""
        return queryset if self.value() is None else queryset.filter(handler=self.value())


class AskedFilter(ListFilter):
    """One form with two days and a user's name; a page without a script, and a link that can be kept."""

    title = _("day and user")
    template = "wasm_plugins/admin/asked_filter.html"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: ModelAdmin[Any]) -> None:
        super().__init__(request, params, model, model_admin)
        ours = [str(name) for name in self.expected_parameters()]
        self.sent = {name: str(params.pop(name)[-1]).strip() for name in ours if name in params}
        self.others = [
            (name, value) for name, values in request.GET.lists() if name not in (*ours, "p") for value in values
        ]

    def has_output(self) -> bool:
        """Always: somebody may type any day and any name."""
        return True

    def expected_parameters(self) -> list[str | None]:
        """Name what the address may have of this filter."""
        return ["asked_from", "asked_to", "asked_by"]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Return what the form shows."""
        yield {**self.sent, "others": self.others, "is_used": any(self.sent.values())}

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaskRun]) -> QuerySet[TaskRun]:
        """Return the runs that were asked for on those days, both included, by that user.

        Raises:
            IncorrectLookupParameters: A day is none.
        """
        if text := self.sent.get("asked_from"):
            queryset = queryset.filter(created_at__gte=_midnight(text))
        if text := self.sent.get("asked_to"):
            queryset = queryset.filter(created_at__lt=_midnight(text, days_later=1))
        if name := self.sent.get("asked_by"):
            asker = f"requested_by__{get_user_model().USERNAME_FIELD}"
            queryset = queryset.filter(**{asker: name.replace("\0", "")})
        return queryset


def _midnight(text: object, days_later: int = 0) -> datetime:
    """Return when a day begins in the site's time zone."""
    try:
        day = parse_date(str(text))
        if day is None:
            raise ValueError(text)
        found = date.fromordinal(day.toordinal()) + timedelta(days=days_later)
        return make_aware(datetime(found.year, found.month, found.day))
    except (ValueError, OverflowError) as error:
        raise IncorrectLookupParameters(error) from error
