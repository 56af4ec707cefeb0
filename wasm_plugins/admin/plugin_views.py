"""The pages and buttons that Django's admin does not have: upload, sync, and what is done to one plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST

from ..exceptions import PluginError
from ..models import Plugin
from ..recording import Recorded
from ..sync import sync, take_upload
from ..sync_report import SyncReport
from .acts import ACTS, PERMITTED, user_of
from .permissions import may_approve, may_upload
from .upload import UploadForm, is_too_large, too_large_error

if TYPE_CHECKING:
    PluginAdminBase = admin.ModelAdmin[Plugin]
else:
    PluginAdminBase = admin.ModelAdmin


class PluginViews(PluginAdminBase):
    """Views beside those of every model admin; each asks for its permission first."""

    def get_urls(self) -> list[URLPattern]:
        """Add the views to those of Django's admin."""
        view = self.admin_site.admin_view
        upload = csrf_exempt(require_http_methods(["GET", "HEAD", "POST"])(self.upload_view))
        return [
            path("upload/", view(upload), name="wasm_plugins_plugin_upload"),
            path("sync/", view(require_POST(self.sync_view)), name="wasm_plugins_plugin_sync"),
            path("<int:pk>/act/", view(require_POST(self.act_view)), name="wasm_plugins_plugin_act"),
            *super().get_urls(),
        ]

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Take a component, if who sends it may and it is not too large; only then is any of it read.

        CSRF is enforced behind that and not before, because looking for the token reads the body.
        """
        if not may_upload(request):
            raise PermissionDenied
        if request.method == "POST" and is_too_large(request):
            return self._upload_page(request, UploadForm(), too_large_error(), status=413)
        protected: HttpResponse = csrf_protect(self._upload)(request)
        return protected

    def _upload(self, request: HttpRequest) -> HttpResponse:
        """Check a component and record it; nothing that is off goes on by that."""
        form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
        if form.is_valid():
            try:
                recorded = take_upload(form.cleaned_data["component"].read(), by=user_of(request))
            except PluginError as error:
                form.add_error("component", str(error))
            else:
                version = recorded.version
                said = _("uploaded version %d") if recorded.is_new else _("uploaded version %d again")
                self.log_change(request, version.plugin, said % version.number)
                self.message_user(request, _said_of(recorded), messages.SUCCESS if recorded.is_new else messages.INFO)
                return HttpResponseRedirect(self._page(version.plugin_id))
        return self._upload_page(request, form)

    def _upload_page(
        self, request: HttpRequest, form: UploadForm, problem: str = "", status: int = 200
    ) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "form": form, "title": _("Upload a plugin")}
        context |= {"opts": self.opts, "media": self.media + form.media, "problem": problem}
        return TemplateResponse(request, "wasm_plugins/admin/upload.html", context, status=status)

    def sync_view(self, request: HttpRequest) -> HttpResponse:
        """Look into storage now."""
        if not may_upload(request):
            raise PermissionDenied
        try:
            report = sync(is_asked_for=True, by=user_of(request))
        except PluginError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self._log_sync(request, report)
            level = messages.WARNING if report.refused else messages.SUCCESS
            self.message_user(request, _in_words(report), level)
        return HttpResponseRedirect(self._url("changelist"))

    def act_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Do what a button on a plugin's page says."""
        act = request.POST.get("act", "")
        if not PERMITTED.get(act, may_approve)(request):
            raise PermissionDenied
        plugin = get_object_or_404(Plugin, pk=pk)
        if act not in ACTS:
            return HttpResponseBadRequest("there is no such act", content_type="text/plain")
        self._act(request, plugin, act)
        return HttpResponseRedirect(self._page(pk))

    def _act(self, request: HttpRequest, plugin: Plugin, act: str) -> None:
        """Do one thing to one plugin, log it, and say how it went."""
        try:
            said = ACTS[act](plugin, request)
        except (PluginError, ValueError) as error:
            self.message_user(request, _about(plugin, error), messages.ERROR)
            return
        self.log_change(request, plugin, said)
        self.message_user(request, _about(plugin, said), messages.SUCCESS)

    def _log_sync(self, request: HttpRequest, report: SyncReport) -> None:
        """Write into the history of each plugin what the sync found of it."""
        found = {
            each.plugin: each for each in report.outcomes if each.plugin and each.result in ("verified", "refused")
        }
        for plugin in Plugin.objects.filter(name__in=found):
            self.log_change(request, plugin, _("sync found version %d") % (found[plugin.name].version or 0))

    def _page(self, pk: int) -> str:
        return self._url("change", pk)

    def _url(self, page: str, *args: int) -> str:
        return reverse(f"admin:wasm_plugins_plugin_{page}", args=args, current_app=self.admin_site.name)


def _said_of(recorded: Recorded) -> str:
    """Say what an upload came to."""
    version, plugin = recorded.version, recorded.version.plugin
    plugin.refresh_from_db(fields=["is_enabled", "current_version"])
    named = {"name": plugin.name, "number": version.number}
    if not recorded.is_new:
        return _("%(name)s version %(number)d was already recorded. Nothing has changed.") % named
    if plugin.current_version_id != version.pk:
        return _("%(name)s version %(number)d was checked and recorded. It waits for approval.") % named
    if plugin.is_enabled:
        return _("%(name)s version %(number)d was checked and recorded. It is the version that is on.") % named
    return _("%(name)s version %(number)d was checked and recorded. It is off.") % named


def _in_words(report: SyncReport) -> str:
    counts = {name: getattr(report, name) for name in ("found", "changed", "refused", "removed")}
    words = ngettext("%(found)d object in storage", "%(found)d objects in storage", report.found)
    return (words + _(": %(changed)d changed, %(refused)d refused, %(removed)d gone.")) % counts


def _about(plugin: Plugin, said: str | Exception) -> str:
    """Return a message about a plugin; in quotes, its name keeps the small letter that it begins with."""
    text = said.message if isinstance(said, PluginError) else str(said)
    return f"“{plugin.name}”: {text}"
