"""The versions of a plugin: all of them, what is different between two, and the way back to an earlier one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from .. import lifecycle
from ..agreements import go_back, mark_of_standing
from ..exceptions import PluginError
from ..grants import missing_grants
from ..models import Plugin, PluginVersion
from ..trust import load_keys, trust_of
from .acts import user_of
from .differences import differences
from .permissions import may_approve, may_see
from .subpages import about, page_context, page_url

if TYPE_CHECKING:
    VersionViewsBase = admin.ModelAdmin[Plugin]
else:
    VersionViewsBase = admin.ModelAdmin

MOST_VERSIONS: Final = 100
"""How many versions a page lists."""

MOST_COMPARED: Final = 1_000
"""How many versions, the newest ones, can be chosen to be compared on every page of the list."""


class VersionViews(VersionViewsBase):
    """The pages, their addresses, and who may open them."""

    def get_urls(self) -> list[URLPattern]:
        """Add the pages to those of Django's admin."""
        view, reads = self.admin_site.admin_view, require_http_methods(["GET", "HEAD"])
        rollback = require_http_methods(["GET", "HEAD", "POST"])(self.rollback_view)
        root, name = "<int:pk>/versions/", "wasm_plugins_plugin_"
        return [
            path(root, view(reads(self.versions_view)), name=f"{name}versions"),
            path(f"{root}<int:a>/<int:b>/", view(reads(self.compare_view)), name=f"{name}versions_compared"),
            path(f"{root}<int:number>/rollback/", view(rollback), name=f"{name}rollback"),
            *super().get_urls(),
        ]

    def versions_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """List the versions, newest first; with two numbers in the address, go to what is different between them."""
        plugin = _plugin(request, pk)
        chosen = [request.GET.get(name, "") for name in ("from", "to")]
        if all(each.isdecimal() and len(each) < 10 for each in chosen):
            return HttpResponseRedirect(self._versions_url("versions_compared", pk, *map(int, chosen)))
        keys = load_keys()
        versions = list(_listed(plugin, request.GET.get("before", "")))
        rows = [
            {"version": each, "trust": trust_of(each, keys).label, **_standing(plugin, each)}
            for each in versions[:MOST_VERSIONS]
        ]
        told = {"rows": rows, "may_approve": may_approve(request), "has_older": len(versions) > MOST_VERSIONS}
        told["numbers"] = _comparable(plugin, versions[:MOST_VERSIONS])
        context = page_context(self, request, _("Versions of %(name)s") % {"name": plugin.name}, plugin, **told)
        return TemplateResponse(request, "wasm_plugins/admin/versions.html", context)

    def compare_view(self, request: HttpRequest, pk: int, a: int, b: int) -> HttpResponse:
        """Show what is different between two versions."""
        plugin = _plugin(request, pk)
        before, after = _find(plugin, a), _find(plugin, b)
        told = {"before": before, "after": after, "sections": differences(before, after, load_keys())}
        title = _("%(name)s: from version %(a)d to version %(b)d") % {"name": plugin.name, "a": a, "b": b}
        context = page_context(self, request, title, plugin, **told)
        return TemplateResponse(request, "wasm_plugins/admin/versions_compared.html", context)

    def rollback_view(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        """Ask once more, saying what will be different, and go back to an earlier version."""
        if not may_approve(request):
            raise PermissionDenied
        plugin = _plugin(request, pk)
        version, current = _find(plugin, number), plugin.current_version
        if not _standing(plugin, version)["is_earlier"] or current is None:
            raise Http404
        if request.method == "POST":
            return self._roll_back(request, plugin, version)
        told: dict[str, Any] = {"version": version, "current": current, "mark": mark_of_standing(plugin, version)}
        told |= {"sections": differences(current, version, load_keys()), "missing": missing_grants(plugin, version)}
        told |= {"needs_second": lifecycle.needs_second_person(version, user_of(request))}
        title = _("Roll %(name)s back to version %(number)d") % {"name": plugin.name, "number": number}
        context = page_context(self, request, title, plugin, **told)
        return TemplateResponse(request, "wasm_plugins/admin/rollback.html", context)

    def _roll_back(self, request: HttpRequest, plugin: Plugin, version: PluginVersion) -> HttpResponse:
        try:
            go_back(version, mark=request.POST.get("mark", ""), by=user_of(request))
        except PluginError as error:
            self.message_user(request, about(plugin, error), messages.ERROR)
            return HttpResponseRedirect(request.path)
        said = _("rolled back to version %(number)d") % {"number": version.number}
        self.log_change(request, plugin, said)
        self.message_user(request, about(plugin, said), messages.SUCCESS)
        return HttpResponseRedirect(self._versions_url("versions", plugin.pk))

    def _versions_url(self, page: str, *args: object) -> str:
        return page_url(page, *args, current_app=self.admin_site.name)


def _plugin(request: HttpRequest, pk: int) -> Plugin:
    """Return the plugin that an address names, for somebody who may see plugins.

    Raises:
        PermissionDenied: He may not.
        Http404: There is none.
    """
    if not may_see(request):
        raise PermissionDenied
    return get_object_or_404(Plugin.objects.select_related("current_version"), pk=pk)


def _listed(plugin: Plugin, before: str) -> QuerySet[PluginVersion]:
    """Return as many versions as are shown, and one more if there is one; without what may be large."""
    rows = plugin.versions.select_related("uploaded_by").defer(
        "manifest", "exports", "imports", "findings", "statement"
    )
    if before.isdecimal() and len(before) < 10:
        rows = rows.filter(number__lt=int(before))
    return rows.annotate(called=KeyTextTransform("version", "manifest"))[: MOST_VERSIONS + 1]


def _comparable(plugin: Plugin, listed: Iterable[PluginVersion]) -> list[int]:
    """Return the numbers of versions to choose from, newest first: those that are listed, and the newest of all."""
    newest = plugin.versions.order_by("-number").values_list("number", flat=True)[:MOST_COMPARED]
    return sorted({*newest, *(each.number for each in listed)}, reverse=True)


def _find(plugin: Plugin, number: int) -> PluginVersion:
    found: PluginVersion = get_object_or_404(plugin.versions.all(), number=number)
    found.plugin = plugin
    return found


def _standing(plugin: Plugin, version: PluginVersion) -> dict[str, bool]:
    """Say how a version stands beside the current one."""
    current = plugin.current_version
    is_verified = version.state == PluginVersion.State.VERIFIED
    return {
        "is_current": current is not None and current.pk == version.pk,
        "is_earlier": is_verified and current is not None and version.number < current.number,
        "is_later": is_verified and (current is None or version.number > current.number),
    }
