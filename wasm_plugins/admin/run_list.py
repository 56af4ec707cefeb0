"""The list of runs on a table that may be large: what it fetches, and how far it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from ..models import TaskRun

if TYPE_CHECKING:
    AnyPaginator = Paginator[Any]
else:
    AnyPaginator = Paginator

MOST_COUNTED: Final = 10_000
"""How many rows a list counts and leads to; who looks for others filters."""


class BoundedPaginator(AnyPaginator):
    """Counts no further than the pages go: to count a million rows takes longer than to show a hundred."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, ``MOST_COUNTED`` at most."""
        rows: Any = self.object_list
        number: int = rows.order_by()[:MOST_COUNTED].count()
        return number


class BoundedList(ChangeList):
    """Knows whether it ends before the table does."""

    @property
    def is_capped(self) -> bool:
        """Whether there may be more rows than were counted."""
        return bool(self.result_count >= MOST_COUNTED)


class RunList(BoundedList):
    """Leaves out the long texts that only a run's page shows."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[TaskRun]:
        """Return the runs of the list."""
        rows: QuerySet[TaskRun] = super().get_queryset(request, exclude_parameters)
        return rows.defer("input", "log")


def id_in(text: str) -> UUID | None:
    """Return the id of a run where that is all that somebody looks for: no other column is read then."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None
