"""What the list and the page of plugins say about each, in words."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..grants import missing_grants
from ..models import Plugin, PluginVersion
from ..states import state_of, waiting_version
from ..trust import load_keys


class PluginList(ChangeList):
    """Fetches with the plugins what the list says of them, and not what it does not."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Plugin]:
        """Return the plugins of the list, in a number of queries that does not grow with it."""
        rows: QuerySet[Plugin] = super().get_queryset(request, exclude_parameters)
        versions = PluginVersion.objects.defer("manifest", "exports", "imports", "findings", "problem")
        return rows.select_related("current_version__health").prefetch_related("grants", Prefetch("versions", versions))

    def get_results(self, request: HttpRequest) -> None:
        """Read the keys that are trusted once for all rows."""
        super().get_results(request)
        keys = load_keys()
        for plugin in self.result_list:
            plugin.keys_now = keys


class PluginColumns:
    """Columns that are made of several records."""

    @admin.display(description=gettext_lazy("state"))
    def state(self, plugin: Plugin) -> str:
        """Say how it stands."""
        return str(state_of(plugin, getattr(plugin, "keys_now", None)).label)

    @admin.display(description=gettext_lazy("current version"))
    def serving(self, plugin: Plugin) -> str:
        """Name the current version by its number, and by what its author calls it."""
        version = plugin.current_version
        if version is None or version.manifest is None:
            return "–"
        called = version.declared.version
        return f"{version.number} ({called})" if called else str(version.number)

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

    @admin.display(description=gettext_lazy("not granted yet"))
    def missing(self, plugin: Plugin) -> str:
        """Name what the current version needs and nobody granted."""
        version = plugin.current_version
        return "–" if version is None else ", ".join(missing_grants(plugin, version)) or "–"


def refused_version(plugin: Plugin) -> PluginVersion | None:
    """Return the newest version if it was refused and none that is current came later, else ``None``."""
    newest = next(iter(plugin.versions.all()), None)  # newest first, by the model's ordering
    if newest is None or newest.state != PluginVersion.State.REFUSED:
        return None
    current = plugin.current_version
    return newest if current is None or current.number < newest.number else None
