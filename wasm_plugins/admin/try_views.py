"""The page where a version is tried: what is called and with what, and then what came of it; nothing of it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from .. import components
from ..exceptions import BodyNotJson, PluginError, QueryTooLong
from ..models import Plugin, PluginVersion
from ..trial import Allowed, Trial, trial_snapshot, try_call
from ..trial.made import LONGEST_MS
from ..trial.offer import check_may_be_tried, trial_plugin
from .acts import user_of
from .permissions import may_run
from .try_allowance import open_allowances
from .try_forms import ChooseForm, calls_of
from .try_inputs import AnyForm, HookForm, RouteForm, TaskForm
from .try_page import trial_context

if TYPE_CHECKING:
    TryViewsBase = admin.ModelAdmin[Plugin]
else:
    TryViewsBase = admin.ModelAdmin


class TryViews(TryViewsBase):
    """One view more; it asks for its own permission first."""

    def get_urls(self) -> list[URLPattern]:
        """Add the view to those of the admin."""
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.try_view))
        return [path("<int:pk>/try/", view, name="wasm_plugins_plugin_try"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Tell a plugin's page the way here, where there is something to try and the user may."""
        plugin: Plugin | None = kwargs.get("obj")
        if plugin is not None and may_run(request) and _verified(plugin).exists():
            name = "admin:wasm_plugins_plugin_try"
            context["try_url"] = reverse(name, args=[plugin.pk], current_app=self.admin_site.name)
        return super().render_change_form(request, context, *args, **kwargs)

    def try_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Choose with a GET, try with a POST."""
        if not may_run(request):
            raise PermissionDenied
        plugin = get_object_or_404(Plugin.objects.prefetch_related("grants"), pk=pk)
        versions = _versions(plugin)
        if not versions:
            raise Http404("no version of it was verified")
        version = _chosen(plugin, versions, request.GET.get("version", ""))
        call = request.GET.get("call", "")
        choose = ChooseForm({"version": str(version.number), "call": call}, versions=versions, chosen=version)
        context = {**self.admin_site.each_context(request), "choose": choose, "original": plugin, "opts": self.opts}
        context |= {"title": _("Try %(name)s") % {"name": plugin.name}, "version": version, "media": self.media}
        context["longest_s"] = LONGEST_MS // 1_000
        if call and (problem := self._tried(request, version, call, context)):
            context["problem"] = problem
        return TemplateResponse(request, "wasm_plugins/admin/try.html", context)

    def _tried(self, request: HttpRequest, version: PluginVersion, call: str, context: dict[str, Any]) -> str:
        """Add the form, and what came of it if it was sent; answer why there is none."""
        try:
            check_may_be_tried(version.plugin, version)
            form = _form(request, version, call)
        except PluginError as error:
            return error.message
        if form is None:
            return _("Version %(number)d has no such thing to call.") % {"number": version.number}
        context |= {"form": form, "called": call.partition(":")[2], "kind": call.partition(":")[0]}
        if request.method != "POST" or not form.is_valid():
            return ""
        return _try(request, version, form, context)


def _try(request: HttpRequest, version: PluginVersion, form: AnyForm, context: dict[str, Any]) -> str:
    try:
        trial = try_call(
            version.plugin, version, form.target(), allowed=form.allowed, user=form.user, by=user_of(request)
        )
    except PluginError as error:
        return error.message
    if not _is_of_a_field(form, trial):
        context |= trial_context(trial, is_route=isinstance(form, RouteForm))
    return ""


def _is_of_a_field(form: AnyForm, trial: Trial) -> bool:
    """Say beside the field what the host refused of an input; the plugin was not called then."""
    fields: dict[Any, str] = {BodyNotJson: "body", QueryTooLong: "query"}
    field = fields.get(type(trial.error))
    if field is None or field not in form.fields or trial.error is None:
        return False
    form.add_error(field, trial.error.message)
    return True


def _verified(plugin: Plugin) -> QuerySet[PluginVersion]:
    return plugin.versions.filter(state=PluginVersion.State.VERIFIED)


def _versions(plugin: Plugin) -> list[PluginVersion]:
    found = list(_verified(plugin).select_related("health").order_by("-number"))
    for each in found:
        each.plugin = plugin
    return found


def _chosen(plugin: Plugin, versions: list[PluginVersion], number: str) -> PluginVersion:
    """Return the version that the address names, or else the current one, or else the newest."""
    by_number = {str(each.number): each for each in versions}
    if number and number not in by_number:
        raise Http404("there is no such version")
    current = next((each for each in versions if each.pk == plugin.current_version_id), versions[0])
    return by_number.get(number, current)


def _form(request: HttpRequest, version: PluginVersion, call: str) -> AnyForm | None:
    """Return the form for what is called, or ``None`` where the version has no such thing; may load the component."""
    if call not in {value for _label, choices in calls_of(version) for value, _shown in choices}:
        return None
    kind, _colon, name = call.partition(":")
    data = request.POST if request.method == "POST" else None
    common: dict[str, Any] = {"by": request.user, "may": open_allowances(request, version)}
    if kind == "hook":
        linked = components.get_linked(version.digest)
        return HookForm(data, name=name, of=linked.exports[name], **common)
    if kind == "task":
        return TaskForm(data, name=name, **common)
    snapshot = trial_snapshot(trial_plugin(version.plugin, version, Allowed()))
    return RouteForm(data, entry=snapshot.routes[name], **common)
