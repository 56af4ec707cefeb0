"""What the list and the page of plugins say about each, in words."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..models import Plugin
from ..states import state_of, waiting_version
from ..trust import load_keys
from .chart import chart_of, days_of
from .overview import Need, find_needs, with_what_lists_show
from .shown import badge, refused_version

_NEEDS_SHOWN: Final = 20


class PluginList(ChangeList):
    """Fetches with the plugins what the list says of them, and not what it does not; who needs somebody is first."""

    needs: list[Need]

    @property
    def shown_needs(self) -> list[Need]:
        """What stands above the list."""
        return self.needs[:_NEEDS_SHOWN]

    @property
    def more_needs(self) -> int:
        """How many do not."""
        return len(self.needs) - len(self.shown_needs)

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Plugin]:
        """Return the plugins of the list, in a number of queries that does not grow with it."""
        self.needs = find_needs()
        rows: QuerySet[Plugin] = with_what_lists_show(super().get_queryset(request, exclude_parameters))
        first = list(dict.fromkeys(need.plugin.pk for need in self.needs))
        if ORDER_VAR in self.params or not first:
            return rows
        ranks = [When(pk=pk, then=Value(rank)) for rank, pk in enumerate(first)]
        return rows.order_by(Case(*ranks, default=Value(len(first))), "name")

    def get_ordering_field_columns(self) -> Any:
        """Mark no column as the one that is sorted by, unless somebody chose one."""
        return super().get_ordering_field_columns() if ORDER_VAR in self.params else {}

    def get_results(self, request: HttpRequest) -> None:
        """Read the keys that are trusted, and the calls of the last day, once for all rows."""
        super().get_results(request)
        keys, days = load_keys(), days_of(plugin.name for plugin in self.result_list)
        for plugin in self.result_list:
            plugin.keys_now, plugin.day = keys, days[plugin.name]


class PluginColumns:
    """Columns that are made of several records."""

    @admin.display(description=gettext_lazy("state"))
    def state(self, plugin: Plugin) -> SafeString:
        """Say how it stands."""
        return badge(state_of(plugin, getattr(plugin, "keys_now", None)))

    @admin.display(description=gettext_lazy("current version"))
    def serving(self, plugin: Plugin) -> str:
        """Name the current version by its number, and by what its author calls it."""
        version = plugin.current_version
        if version is None or version.manifest is None:
            return "–"
        called = version.declared.version
        return f"{version.number} ({called})" if called else str(version.number)

    @admin.display(description=gettext_lazy("serves"))
    def serves(self, plugin: Plugin) -> str:
        """Count what the current version declares."""
        version = plugin.current_version
        told = {} if version is None else version.manifest or {}
        hooks, routes, tasks = (len(told.get(key, ())) for key in ("hooks", "routes", "tasks"))
        said = [
            hooks and ngettext("%(count)d hook", "%(count)d hooks", hooks) % {"count": hooks},
            routes and ngettext("%(count)d route", "%(count)d routes", routes) % {"count": routes},
            tasks and ngettext("%(count)d task", "%(count)d tasks", tasks) % {"count": tasks},
        ]
        return ", ".join(each for each in said if each) or "–"

    @admin.display(description=gettext_lazy("last 24 hours"))
    def day(self, plugin: Plugin) -> SafeString:
        """Draw its calls, and those of them that failed."""
        return chart_of(getattr(plugin, "day", None) or days_of([plugin.name])[plugin.name])

    @admin.display(description=gettext_lazy("new version"))
    def news(self, plugin: Plugin) -> str:
        """Say what became of versions that are newer than the current one."""
        said = []
        waiting, refused = waiting_version(plugin), refused_version(plugin)
        if waiting is not None:
            said.append(_("version %(number)d waits for approval") % {"number": waiting.number})
        if refused is not None:
            said.append(_("version %(number)d was refused") % {"number": refused.number})
        return ", ".join(said) or "–"
