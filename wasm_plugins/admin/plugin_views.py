"""The pages and buttons that Django's admin does not have: those of other files, and what is done to one plugin."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from ..exceptions import PluginError
from ..models import Plugin
from .acts import ACTS, PERMITTED
from .permissions import may_approve
from .step_views import StepViews
from .subpages import about, page_url
from .sync_views import SyncViews
from .upload_views import UploadViews
from .version_views import VersionViews


class PluginViews(UploadViews, StepViews, VersionViews, SyncViews):
    """Views beside those of every model admin; each asks for its permission first."""

    def get_urls(self) -> list[URLPattern]:
        """Add the views to those of Django's admin."""
        act = self.admin_site.admin_view(require_POST(self.act_view))
        return [path("<int:pk>/act/", act, name="wasm_plugins_plugin_act"), *super().get_urls()]

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
            self.message_user(request, about(plugin, error), messages.ERROR)
            return
        self.log_change(request, plugin, said)
        self.message_user(request, about(plugin, said), messages.SUCCESS)

    def _page(self, pk: int) -> str:
        return page_url("change", pk, current_app=self.admin_site.name)
