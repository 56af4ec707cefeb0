"""Plugins: the list with how each stands, and a page for each with what it asks for, its buttons and its report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import lifecycle
from ..conf import is_safe_mode
from ..models import Plugin, PluginVersion
from ..states import waiting_version
from .acts import user_of
from .by_hand import ByHand
from .columns import PluginColumns, PluginList
from .formsets import save_rows
from .inlines import GrantInline, HookInline, RouteInline, TaskInline, VersionInline
from .limits import LimitsView
from .offers import offer_of
from .permissions import (
    may_approve,
    may_release,
    may_see,
    may_see_audit,
    may_see_secrets,
    may_tune,
    may_upload,
)
from .plugin_page import page_of, saved_by, sections_of
from .plugin_views import PluginViews
from .report import report_of
from .secret_views import SecretViews, secrets_url
from .settings_views import SettingsViews
from .shown import refused_version
from .style import Styled
from .try_views import TryViews


@admin.register(Plugin)
class PluginAdmin(PluginColumns, Styled, LimitsView, SecretViews, SettingsViews, ByHand, TryViews, PluginViews):
    """Everything that an admin does to plugins."""

    list_display = ("name", "state", "serving", "serves", "day")
    list_filter = ("is_enabled",)
    search_fields = ("name",)
    fieldsets = (
        (
            gettext_lazy("Report on the current version"),
            {"fields": ("serving", "serves", "news", "created_at", "report")},
        ),
    )
    readonly_fields = ("serving", "serves", "news", "created_at", "report")
    inlines = (HookInline, RouteInline, TaskInline, GrantInline, VersionInline)
    actions = ("enable_selected", "disable_selected")
    change_list_template = "wasm_plugins/admin/plugin_list.html"
    change_form_template = "wasm_plugins/admin/plugin_form.html"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may do anything to plugins may see them."""
        return may_see(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A plugin comes by an upload or with a sync, never by a form."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may change at least one of the rows below it."""
        return may_tune(request)

    def has_approve_permission(self, request: HttpRequest) -> bool:
        """Whether the user may use the list's actions."""
        return may_approve(request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that fetches what the columns need."""
        return PluginList

    def get_inline_instances(self, request: HttpRequest, obj: Plugin | None = None) -> list[Any]:
        """Leave out sections that have nothing in them and that nothing can be added to."""
        shown = super().get_inline_instances(request, obj)
        return [each for each in shown if each.has_add_permission(request, obj) or _has_rows(each.model, obj)]

    @admin.display(description=gettext_lazy("report"))
    def report(self, plugin: Plugin) -> SafeString | str:
        """Show all that is known of the current version."""
        return "–" if plugin.current_version is None else report_of(plugin.current_version)

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

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Tell the list which buttons it has."""
        told = {"title": _("Plugins"), "may_upload": may_upload(request), "safe_mode": is_safe_mode()}
        return super().changelist_view(request, {**(extra_context or {}), **told})

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Tell the page which versions there are to decide about, and which buttons it has."""
        plugin: Plugin | None = kwargs.get("obj")
        if plugin is not None:
            context |= _choices(plugin)
            shown = [context[name].version for name in ("current", "waiting") if context[name] is not None]
            context["own"] = [each for each in shown if lifecycle.needs_second_person(each, user_of(request))]
            context |= {"may_approve": may_approve(request), "may_release": may_release(request)}
            context |= {"safe_mode": is_safe_mode(), "may_see_audit": may_see_audit(request)}
            context["secrets_url"] = secrets_url(plugin, self.admin_site.name) if may_see_secrets(request) else ""
            context |= page_of(request, plugin)
            context["sections"] = sections_of(context)
            context |= saved_by(context)
            context["show_save"] = context["show_save_and_continue"] = bool(context["saved_formsets"])
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Plugin, form: Any, change: bool) -> None:
        """Write nothing: the form edits no column, and another process may be switching the plugin just now."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save what was tuned or granted."""
        save_rows(form.instance, formset, user_of(request))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """List what goes with a plugin: all of it, since nothing below it is anybody else's."""
        plugins = list(objs)
        counts = {}
        for relation in Plugin._meta.related_objects:
            rows = relation.related_model._default_manager.filter(**{f"{relation.field.name}__in": plugins})
            if relation.related_model is not Plugin and (count := rows.count()):
                counts[relation.related_model._meta.verbose_name_plural] = count
        listed = [f"{capfirst(Plugin._meta.verbose_name)}: {plugin}" for plugin in plugins]
        return listed, {Plugin._meta.verbose_name_plural: len(plugins), **counts}, set(), []

    def delete_model(self, request: HttpRequest, obj: Plugin) -> None:
        """Delete a plugin with its records, and let every process notice."""
        self.delete_queryset(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: Iterable[Plugin]) -> None:
        """Delete several, and say what may come back."""
        for plugin in queryset:
            lifecycle.delete(plugin, by=user_of(request))
        said = _("What lies in storage stays there: the next sync finds it again, and it will be off.")
        self.message_user(request, said, messages.INFO)


def _has_rows(model: Any, plugin: Plugin | None) -> bool:
    return bool(model._default_manager.filter(plugin=plugin).exists())


def _choices(plugin: Plugin) -> dict[str, Any]:
    """Return what there is to decide about: the version that waits, the current one, and others to go back to."""
    current, waiting = plugin.current_version, waiting_version(plugin)
    offered = {each.pk for each in (current, waiting) if each is not None}
    others = plugin.versions.filter(state=PluginVersion.State.VERIFIED).exclude(pk__in=offered)
    return {
        "current": None if current is None else offer_of(plugin, current),
        "waiting": None if waiting is None else offer_of(plugin, waiting),
        "waiting_report": None if waiting is None else report_of(waiting),
        "refused": refused_version(plugin),
        "other_versions": others,
    }
