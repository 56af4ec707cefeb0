"""The first of the four steps to a plugin that runs: takes a component, and says of one that is refused why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from ..conf import conf
from ..exceptions import PluginError
from ..models import Plugin
from ..recording import Recorded, text_of
from ..runtime.compiler import digest_of
from ..runtime.limits import CompileLimits
from ..sync import take_upload
from .acts import user_of
from .permissions import may_upload
from .refusals import Refusal
from .steps import steps_of
from .subpages import page_context, page_url
from .upload import UploadForm, is_too_large, too_large_error

if TYPE_CHECKING:
    UploadViewsBase = admin.ModelAdmin[Plugin]
else:
    UploadViewsBase = admin.ModelAdmin

BY_SCRIPT = "application/json"
"""What ``upload.js`` accepts beside HTML: with it, the answer to a good upload is the address of the next step."""


class UploadViews(UploadViewsBase):
    """The page, its address, and who may open it."""

    def get_urls(self) -> list[URLPattern]:
        """Add the page to those of Django's admin."""
        upload = csrf_exempt(require_http_methods(["GET", "HEAD", "POST"])(self.upload_view))
        page = path("upload/", self.admin_site.admin_view(upload), name="wasm_plugins_plugin_upload")
        return [page, *super().get_urls()]

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Take a component, if who sends it may and it is not too large; only then is any of it read.

        CSRF is enforced behind that and not before, because looking for the token reads the body.
        """
        if not may_upload(request):
            raise PermissionDenied
        if request.method == "POST" and is_too_large(request):
            return self._upload_page(request, UploadForm(), problem=too_large_error(), status=413)
        protected: HttpResponse = csrf_protect(self._upload)(request)
        return protected

    def _upload(self, request: HttpRequest) -> HttpResponse:
        """Check a component and record it; nothing that is off goes on by that."""
        form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
        if not form.is_valid():
            return self._upload_page(request, form)
        sent = form.cleaned_data["component"]
        data = sent.read()
        try:
            recorded = take_upload(data, by=user_of(request))
        except PluginError as error:
            form.add_error("component", _("This file was refused, as said above. Choose another one."))
            return self._upload_page(request, form, refusal=_refusal(error, data, sent.name))
        return self._taken(request, recorded)

    def _taken(self, request: HttpRequest, recorded: Recorded) -> HttpResponse:
        version = recorded.version
        said = _("uploaded version %d") if recorded.is_new else _("uploaded version %d again")
        self.log_change(request, version.plugin, said % version.number)
        self.message_user(request, _said_of(recorded), messages.SUCCESS if recorded.is_new else messages.INFO)
        page = page_url("version_report", version.pk, current_app=self.admin_site.name)
        if BY_SCRIPT in request.headers.get("Accept", ""):
            return JsonResponse({"next": page})
        return HttpResponseRedirect(page)

    def _upload_page(self, request: HttpRequest, form: UploadForm, *, status: int = 200, **told: Any) -> HttpResponse:
        context = page_context(self, request, _("Upload a plugin"), form=form, **told)
        context |= {"steps": steps_of("upload", None, self.admin_site.name), "limit_bytes": conf.COMPONENT_BYTES}
        context |= {"media": self.media + form.media, "compile_s": CompileLimits().wall_s}
        return TemplateResponse(request, "wasm_plugins/admin/upload.html", context, status=status)


def _refusal(error: PluginError, data: bytes, file_name: str | None) -> Refusal:
    """Say why bytes that nothing is recorded of were refused."""
    name = error.plugin or file_name or ""
    return Refusal(name=name, digest=digest_of(data), size_bytes=len(data), code=error.code, problem=text_of(error))


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
