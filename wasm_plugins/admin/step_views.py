"""Three of the four steps to a plugin that runs: the report on a version, an admin's consent to it, and enabling it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from .. import lifecycle
from ..agreements import agree, go_live, mark_of, mark_of_standing, open_scopes
from ..exceptions import PluginError
from ..grants import missing_grants
from ..models import Plugin, PluginVersion
from ..trust import load_keys
from .acts import user_of
from .consents import requests_of
from .obstacles import obstacles_to
from .permissions import may_approve, may_see, may_upload
from .refusals import refusal_of
from .report import report_of
from .serving import served_by
from .steps import is_serving, steps_of
from .subpages import about, page_context, page_url
from .verdicts import checks_of, findings_of, imports_of

if TYPE_CHECKING:
    StepViewsBase = admin.ModelAdmin[Plugin]
else:
    StepViewsBase = admin.ModelAdmin


class StepViews(StepViewsBase):
    """A page for each step after the upload; what was done so far is in the records, so each can be left."""

    def get_urls(self) -> list[URLPattern]:
        """Add the pages to those of Django's admin."""
        views: dict[str, Callable[..., HttpResponse]] = {
            "report": require_http_methods(["GET", "HEAD"])(self.report_view),
            "consent": require_http_methods(["GET", "HEAD", "POST"])(self.consent_view),
            "enable": require_http_methods(["GET", "HEAD", "POST"])(self.enable_view),
        }
        view = self.admin_site.admin_view
        pages = [
            path(f"version/<int:pk>/{step}/", view(page), name=f"wasm_plugins_plugin_version_{step}")
            for step, page in views.items()
        ]
        return [*pages, *super().get_urls()]

    def report_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what was checked, what was found, and what to do about it."""
        version = _version(request, pk)
        keys = load_keys()
        told = {"checks": checks_of(version, keys), "findings": findings_of(version), "imports": imports_of(version)}
        told |= {"report": report_of(version), "refusal": refusal_of(version), "may_upload": may_upload(request)}
        title = _("Report on %(name)s version %(number)d")
        return self._step_page(request, version, "report", title, **told)

    def consent_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what a version may do, and note what an admin agrees to."""
        version = _version(request, pk)
        if version.state != PluginVersion.State.VERIFIED:
            return HttpResponseRedirect(self._step_url("report", version))
        if request.method == "POST":
            if not may_approve(request):
                raise PermissionDenied
            return self._agree(request, version)
        plugin = version.plugin
        requests = requests_of(plugin, version)
        told: dict[str, Any] = {"requests": requests, "mark": mark_of(open_scopes(plugin, version))}
        told |= {"is_open": any(each.is_open for each in requests), **served_by(plugin, version)}
        return self._step_page(request, version, "consent", _("Consent to %(name)s version %(number)d"), **told)

    def enable_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what will happen now, and do it."""
        version = _version(request, pk)
        if version.state != PluginVersion.State.VERIFIED:
            return HttpResponseRedirect(self._step_url("report", version))
        if request.method == "POST":
            if not may_approve(request):
                raise PermissionDenied
            return self._enable(request, version)
        plugin = version.plugin
        requests = requests_of(plugin, version)
        told: dict[str, Any] = {"mark": mark_of_standing(plugin, version), "is_serving": is_serving(version)}
        told |= {"agreed": [each for each in requests if each.agreement is not None]}
        told |= {"left_out": [each for each in requests if each.is_open and each.agreement is None]}
        told |= {"obstacles": obstacles_to(version, requests, user_of(request)), **served_by(plugin, version)}
        return self._step_page(request, version, "enable", _("Enable %(name)s version %(number)d"), **told)

    def _agree(self, request: HttpRequest, version: PluginVersion) -> HttpResponse:
        plugin = version.plugin
        try:
            chosen = agree(
                version, request.POST.getlist("agree"), mark=request.POST.get("mark", ""), by=user_of(request)
            )
        except PluginError as error:
            self.message_user(request, about(plugin, error), messages.ERROR)
            return HttpResponseRedirect(self._step_url("consent", version))
        names = ", ".join(chosen) or _("nothing")
        said = _("agreed to what version %(number)d asks for: %(names)s") % {"number": version.number, "names": names}
        self.log_change(request, plugin, said)
        lacking = [name for name in missing_grants(plugin, version) if name not in chosen]
        if lacking:
            said = _("It cannot be enabled without %(names)s.") % {"names": ", ".join(lacking)}
            self.message_user(request, about(plugin, said), messages.WARNING)
            return HttpResponseRedirect(self._step_url("consent", version))
        self.message_user(request, about(plugin, said), messages.SUCCESS)
        return HttpResponseRedirect(self._step_url("enable", version))

    def _enable(self, request: HttpRequest, version: PluginVersion) -> HttpResponse:
        try:
            plugin = go_live(version, mark=request.POST.get("mark", ""), by=user_of(request))
        except PluginError as error:
            self.message_user(request, about(version.plugin, error), messages.ERROR)
            return HttpResponseRedirect(self._step_url("enable", version))
        said = _("version %(number)d is running") % {"number": version.number}
        self.log_change(request, plugin, said)
        self.message_user(request, about(plugin, said), messages.SUCCESS)
        return HttpResponseRedirect(page_url("change", plugin.pk, current_app=self.admin_site.name))

    def _step_page(
        self, request: HttpRequest, version: PluginVersion, step: str, title: str, **told: Any
    ) -> HttpResponse:
        steps = steps_of(step, version, self.admin_site.name)
        told |= {"version": version, "steps": steps, "may_approve": may_approve(request)}
        told |= {"needs_second": lifecycle.needs_second_person(version, user_of(request))}
        named = title % {"name": version.plugin.name, "number": version.number}
        context = page_context(self, request, named, version.plugin, **told)
        return TemplateResponse(request, f"wasm_plugins/admin/step_{step}.html", context)

    def _step_url(self, step: str, version: PluginVersion) -> str:
        return page_url(f"version_{step}", version.pk, current_app=self.admin_site.name)


def _version(request: HttpRequest, pk: int) -> PluginVersion:
    """Return the version that an address names, for somebody who may see plugins.

    Raises:
        PermissionDenied: He may not.
        Http404: There is none.
    """
    if not may_see(request):
        raise PermissionDenied
    return get_object_or_404(PluginVersion.objects.select_related("plugin__current_version", "uploaded_by"), pk=pk)
