"""Plugins: the list with how each stands, a page for each, upload, sync, and what an admin may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from .. import lifecycle
from ..exceptions import PluginError
from ..grants import missing_grants
from ..models import Plugin
from ..registry import mark_changed
from ..states import state_of, waiting_version
from ..sync import record_upload, sync
from .acts import ACTS, user_of
from .inlines import GrantInline, HookInline, RouteInline, TaskInline, VersionInline
from .upload import UploadForm

if TYPE_CHECKING:
    PluginAdminBase = admin.ModelAdmin[Plugin]
else:
    PluginAdminBase = admin.ModelAdmin
MAY_APPROVE = "wasm_plugins.approve_plugin"
MAY_UPLOAD = "wasm_plugins.upload_plugin"


@admin.register(Plugin)
class PluginAdmin(PluginAdminBase):
    """Everything that an admin does to plugins."""

    list_display = ("name", "state", "current_version", "waiting", "created_at")
    list_filter = ("is_enabled",)
    search_fields = ("name",)
    fields = ("name", "state", "current_version", "waiting", "missing", "declares", "created_at")
    readonly_fields = fields
    inlines = (GrantInline, HookInline, RouteInline, TaskInline, VersionInline)
    actions = ("enable_selected", "disable_selected")
    change_list_template = "wasm_plugins/admin/plugin_list.html"
    change_form_template = "wasm_plugins/admin/plugin_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plugin]:
        """Fetch with each plugin what the list says about it."""
        rows: QuerySet[Plugin] = super().get_queryset(request).select_related("current_version__plugin")
        return rows.prefetch_related("grants", "versions__plugin")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A plugin comes by an upload or with a sync, never by a form."""
        return False

    def has_approve_permission(self, request: HttpRequest) -> bool:
        """Whether the user may enable, disable, grant and roll back."""
        return request.user.has_perm(MAY_APPROVE)

    @admin.display(description=gettext_lazy("state"))
    def state(self, plugin: Plugin) -> str:
        """Say how it stands in words."""
        return str(state_of(plugin).label)

    @admin.display(description=gettext_lazy("new version"))
    def waiting(self, plugin: Plugin) -> str:
        """Name a verified version that is newer than the one that serves."""
        version = waiting_version(plugin)
        return "–" if version is None else _("version %(number)d waits for approval") % {"number": version.number}

    @admin.display(description=gettext_lazy("not granted yet"))
    def missing(self, plugin: Plugin) -> str:
        """Name what it needs and nobody granted."""
        version = plugin.current_version
        return "–" if version is None else ", ".join(missing_grants(plugin, version)) or "–"

    @admin.display(description=gettext_lazy("says of itself"))
    def declares(self, plugin: Plugin) -> str:
        """Show what the plugin says of itself, as text."""
        version = plugin.current_version
        if version is None or version.manifest is None:
            return "–"
        told = version.declared
        return format_html("{} {} {}", told.title or told.name, told.version, told.description)

    @admin.action(description=gettext_lazy("Enable selected plugins"), permissions=["approve"])
    def enable_selected(self, request: HttpRequest, queryset: QuerySet[Plugin]) -> None:
        """Enable each plugin that can be; say of each other why not."""
        for plugin in queryset:
            self._act(request, plugin, "enable")

    @admin.action(description=gettext_lazy("Disable selected plugins"), permissions=["approve"])
    def disable_selected(self, request: HttpRequest, queryset: QuerySet[Plugin]) -> None:
        """Disable each plugin."""
        for plugin in queryset:
            self._act(request, plugin, "disable")

    def _act(self, request: HttpRequest, plugin: Plugin, act: str) -> None:
        """Do one thing to one plugin, log it, and say how it went."""
        try:
            said = ACTS[act](plugin, request)
        except (PluginError, ValueError) as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        self.log_change(request, plugin, said)
        self.message_user(request, f"{plugin.name}: {said}", messages.SUCCESS)

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that Django's admin does not have."""
        view = self.admin_site.admin_view
        return [
            path("upload/", view(self.upload_view), name="wasm_plugins_plugin_upload"),
            path("sync/", view(require_POST(self.sync_view)), name="wasm_plugins_plugin_sync"),
            path("<int:pk>/act/", view(require_POST(self.act_view)), name="wasm_plugins_plugin_act"),
            *super().get_urls(),
        ]

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Take a component, check it and record it; it stays off."""
        if not request.user.has_perm(MAY_UPLOAD):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                version = record_upload(form.cleaned_data["component"].read(), by=user_of(request))
            except PluginError as error:
                form.add_error("component", str(error))
            else:
                self.log_change(request, version.plugin, _("Uploaded version %d") % version.number)
                self.message_user(request, _("%s was recorded.") % version)
                return HttpResponseRedirect(self._page(version.plugin_id))
        context = {
            **self.admin_site.each_context(request),
            "form": form,
            "title": _("Upload a plugin"),
            "opts": self.opts,
        }
        return TemplateResponse(request, "wasm_plugins/admin/upload.html", context)

    def sync_view(self, request: HttpRequest) -> HttpResponse:
        """Look into storage now."""
        if not request.user.has_perm(MAY_UPLOAD):
            raise PermissionDenied
        try:
            report = sync()
        except PluginError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.message_user(request, str(report))
        return HttpResponseRedirect(reverse("admin:wasm_plugins_plugin_changelist"))

    def act_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Do what a button on a plugin's page says."""
        if not self.has_approve_permission(request):
            raise PermissionDenied
        plugin = get_object_or_404(Plugin, pk=pk)
        if request.POST.get("act") in ACTS:
            self._act(request, plugin, request.POST["act"])
        return HttpResponseRedirect(self._page(pk))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Tell the page which buttons it has."""
        context["may_approve"] = self.has_approve_permission(request)
        context["waiting_version"] = waiting_version(kwargs["obj"]) if kwargs.get("obj") else None
        return super().render_change_form(request, context, *args, **kwargs)

    def save_formset(self, request: Any, form: Any, formset: Any, change: bool) -> None:
        """Save what was tuned or granted, remember by whom, and let every process notice."""
        for row in formset.save(commit=False):
            if formset.model is GrantInline.model:
                row.granted_by = request.user
            row.save()
        for row in formset.deleted_objects:
            row.delete()
        formset.save_m2m()
        mark_changed()

    def delete_model(self, request: HttpRequest, obj: Plugin) -> None:
        """Delete a plugin with its records, and let every process notice."""
        lifecycle.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Plugin]) -> None:
        """Delete several."""
        for plugin in queryset:
            lifecycle.delete(plugin)

    @staticmethod
    def _page(pk: int) -> str:
        return reverse("admin:wasm_plugins_plugin_change", args=[pk])
