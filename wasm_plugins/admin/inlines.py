"""What stands on a plugin's page below it: versions, grants, hooks, routes and tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from ..capabilities import CAPABILITIES, DATABASE
from ..host.sql.grants import TableGrant
from ..models import Grant, Hook, Plugin, PluginVersion, Route, Task
from .readonly import ReadOnly, Tuned

if TYPE_CHECKING:
    VersionInlineBase = admin.TabularInline[PluginVersion, Plugin]
    GrantInlineBase = admin.TabularInline[Grant, Plugin]
    HookInlineBase = admin.TabularInline[Hook, Plugin]
    RouteInlineBase = admin.TabularInline[Route, Plugin]
    TaskInlineBase = admin.TabularInline[Task, Plugin]
    GrantFormBase = forms.ModelForm[Grant]
else:
    VersionInlineBase = GrantInlineBase = HookInlineBase = RouteInlineBase = TaskInlineBase = admin.TabularInline
    GrantFormBase = forms.ModelForm


class VersionInline(ReadOnly, VersionInlineBase):
    """Every upload of the plugin with what verification said."""

    model = PluginVersion
    fk_name = "plugin"
    fields = ("number", "state", "problem", "findings", "needs", "size", "digest", "created_at")
    readonly_fields = fields

    @admin.display(description=_("needs"))
    def needs(self, version: PluginVersion) -> str:
        """Name the interfaces that it imports, without those of WASI that every toolchain adds."""
        return ", ".join(name for name in version.imports if not name.startswith("wasi:")) or "–"

    @admin.display(description=_("size"))
    def size(self, version: PluginVersion) -> str:
        """Show the size as people read it."""
        return filesizeformat(version.size_bytes)


class GrantForm(GrantFormBase):
    """A grant whose scope is checked before it is believed."""

    capability = forms.ChoiceField(label=_("capability"), choices=[(name, name) for name in CAPABILITIES])

    class Meta:
        model = Grant
        fields = ("capability", "scope")

    def clean(self) -> dict[str, Any]:
        """Refuse a database scope that names no tables or operations that there are none of."""
        cleaned = super().clean() or {}
        if cleaned.get("capability") == DATABASE:
            try:
                TableGrant.from_scope(cleaned.get("scope") or {})
            except ValueError as error:
                raise ValidationError({"scope": str(error)}) from error
        return cleaned


class GrantInline(GrantInlineBase):
    """What was granted, and by whom."""

    model = Grant
    form = GrantForm
    extra = 0
    readonly_fields = ("granted_by", "granted_at")

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        """Grants are for those who approve."""
        return bool(request.user.has_perm("wasm_plugins.approve_plugin"))

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        """Grants are for those who approve."""
        return bool(request.user.has_perm("wasm_plugins.approve_plugin"))

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        """Grants are for those who approve."""
        return bool(request.user.has_perm("wasm_plugins.approve_plugin"))


class HookInline(Tuned, HookInlineBase):
    """The hooks that it answers."""

    model = Hook
    fields = ("name", "is_declared", "declared_priority", "priority", "is_enabled")
    readonly_fields = ("name", "is_declared", "declared_priority")


class RouteInline(Tuned, RouteInlineBase):
    """The paths that it serves."""

    model = Route
    fields = ("path", "is_declared", "methods", "process_as_task", "declared_access", "access", "is_enabled")
    readonly_fields = ("path", "is_declared", "methods", "process_as_task", "declared_access")


class TaskInline(Tuned, TaskInlineBase):
    """The tasks that it runs."""

    model = Task
    fields = ("name", "is_declared", "declared", "queue", "timeout_s", "max_retries", "is_enabled")
    readonly_fields = ("name", "is_declared", "declared")
