"""The page of the sync: what storage holds against the records, what becomes of it, what each process serves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from ..conf import conf
from ..exceptions import PluginError
from ..models import Generation, Plugin, PluginVersion, ServingProcess, SyncState
from ..sync import preview, sync
from ..sync_report import Outcome, Plan, SyncReport
from .acts import user_of
from .permissions import may_upload
from .subpages import page_context

if TYPE_CHECKING:
    SyncViewsBase = admin.ModelAdmin[Plugin]
else:
    SyncViewsBase = admin.ModelAdmin

_ACTS: Final = {
    "nothing": gettext_lazy("nothing: it is as recorded"),
    "fetch": gettext_lazy("fetch it, check it and record the verdict: it is new here"),
    "set-aside": gettext_lazy("note that it cannot be a plugin"),
    "remove": gettext_lazy("forget it: it lies there no more; its plugin stays as it is"),
}
_FETCH_AGAIN: Final = gettext_lazy("fetch it, check it and record the verdict: it has changed, or could not be checked")
_RESULTS: Final = {
    "unchanged": gettext_lazy("unchanged"),
    "verified": gettext_lazy("verified"),
    "refused": gettext_lazy("refused"),
    "problem": gettext_lazy("no plugin"),
    "removed": gettext_lazy("gone, and forgotten"),
}
_HEARD_OF: Final = timedelta(minutes=10)
"""For how long a process that says nothing is shown; one that nobody calls says nothing."""


class SyncViews(SyncViewsBase):
    """The page, its address, and who may open it."""

    def get_urls(self) -> list[URLPattern]:
        """Add the page to those of Django's admin."""
        view = require_http_methods(["GET", "HEAD", "POST"])(self.sync_view)
        return [path("sync/", self.admin_site.admin_view(view), name="wasm_plugins_plugin_sync"), *super().get_urls()]

    def sync_view(self, request: HttpRequest) -> HttpResponse:
        """Show what a sync would do, or do it and show what came of it; either blocks while storage is asked."""
        if not may_upload(request):
            raise PermissionDenied
        told: dict[str, Any] = {}
        again = request.POST.get("again") == "on"
        try:
            if request.method == "POST":
                told["outcomes"] = self._sync(request, again=again)
            else:
                told["plans"] = [(plan, _act_in_words(plan)) for plan in preview()]
                told["changes"] = sum(plan.act != "nothing" for plan, _ in told["plans"])
        except PluginError as error:
            told["problem"] = error.message
        context = page_context(self, request, _("Sync with storage"), **told, **_fleet())
        return TemplateResponse(request, "wasm_plugins/admin/sync.html", context)

    def _sync(self, request: HttpRequest, *, again: bool) -> list[tuple[Outcome, Any, int | None]]:
        report = sync(again=again, is_asked_for=True, by=user_of(request))
        self._log_sync(request, report)
        self.message_user(request, _in_words(report), messages.WARNING if report.refused else messages.SUCCESS)
        keys = _keys_of(report)
        return [(each, _RESULTS[each.result], keys.get((each.plugin, each.version))) for each in report.outcomes]

    def _log_sync(self, request: HttpRequest, report: SyncReport) -> None:
        """Write into the history of each plugin what the sync found of it."""
        found = {
            each.plugin: each for each in report.outcomes if each.plugin and each.result in ("verified", "refused")
        }
        for plugin in Plugin.objects.filter(name__in=found):
            self.log_change(request, plugin, _("sync found version %d") % (found[plugin.name].version or 0))


def _act_in_words(plan: Plan) -> Any:
    return _FETCH_AGAIN if plan.act == "fetch" and plan.is_known else _ACTS[plan.act]


def _keys_of(report: SyncReport) -> dict[tuple[str | None, int | None], int]:
    """Return the primary keys of the versions that a report names, by plugin and number; one query."""
    names = {each.plugin for each in report.outcomes if each.plugin}
    rows = PluginVersion.objects.filter(plugin__name__in=names).values_list("plugin__name", "number", "pk")
    return {(name, number): pk for name, number, pk in rows}


def _fleet() -> dict[str, Any]:
    """Say which generation is the one of now, and which each process serves that was heard of lately."""
    state = Generation.current_state()
    since = now() - _HEARD_OF - timedelta(seconds=conf.PROCESS_REPORT_S)
    rows = [(row, row.token == state.token) for row in ServingProcess.objects.filter(seen_at__gte=since)[:500]]
    silent = ServingProcess.objects.filter(seen_at__lt=since).count()
    told = {"generation": state.number, "processes": rows, "silent": silent, "reports": conf.PROCESS_REPORT_S > 0}
    return {**told, "sync_state": SyncState.objects.filter(pk=1).first(), "interval_s": conf.SYNC_INTERVAL_S}


def _in_words(report: SyncReport) -> str:
    counts = {name: getattr(report, name) for name in ("found", "changed", "refused", "removed")}
    words = ngettext("%(found)d object in storage", "%(found)d objects in storage", report.found)
    return (words + _(": %(changed)d changed, %(refused)d refused, %(removed)d gone.")) % counts
