"""Versions: all that verification found of one, on the plugin's page and on a page of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import PluginVersion
from .readonly import PartOfPlugin, ReadOnly
from .report import report_of
from .style import Styled

if TYPE_CHECKING:
    VersionAdminBase = admin.ModelAdmin[PluginVersion]
else:
    VersionAdminBase = admin.ModelAdmin


@admin.register(PluginVersion)
class PluginVersionAdmin(ReadOnly, PartOfPlugin, Styled, VersionAdminBase):
    """One upload of a plugin; its page is linked from the plugin's."""

    list_display = ("__str__", "state", "trust", "size_bytes", "created_at")
    list_filter = ("state", "trust", "plugin")
    list_select_related = ("plugin",)
    fields = ("plugin", "number", "state", "created_at", "report")
    readonly_fields = ("report",)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Stand on no index: the way here is by the plugin."""
        return False

    @admin.display(description=_("report"))
    def report(self, version: PluginVersion) -> SafeString:
        """Show all that is known of it."""
        return report_of(version)
