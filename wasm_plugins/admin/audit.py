"""The audit trail: who did what to plugins, and for whom they were called; to be read, and never changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.utils.translation import gettext_lazy as _

from ..models import AuditEntry
from .people import at_moment, by_whom
from .readonly import ReadOnly
from .style import Styled

if TYPE_CHECKING:
    AuditEntryAdminBase = admin.ModelAdmin[AuditEntry]
else:
    AuditEntryAdminBase = admin.ModelAdmin


class ValuesFilter(admin.AllValuesFieldListFilter):
    """A filter by the values that there are, in which an empty one has a name too."""

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """List the values as Django does."""
        for choice in super().choices(changelist):
            yield {**choice, "display": _("none") if choice["display"] == "" else choice["display"]}


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, Styled, AuditEntryAdminBase):
    """One line for each act and each call."""

    list_display = ("when", "who", "outcome", "what", "which", "took")
    list_filter = (
        "act",
        ("outcome", ValuesFilter),
        "at",
        ("plugin", ValuesFilter),
    )
    search_fields = ("username", "plugin", "subject", "digest")
    date_hierarchy = "at"
    show_full_result_count = False  # the table is the largest of all
    fields = ("at", "who", "outcome", "act", "plugin", "version", "digest", "subject", "took", "details")
    readonly_fields = fields

    @admin.display(description=_("at"), ordering="at")
    def when(self, entry: AuditEntry) -> str:
        """Say when; the entry's page has the second."""
        return at_moment(entry.at)

    @admin.display(description=_("act"), ordering="act")
    def what(self, entry: AuditEntry) -> str:
        """Say what was done, with what it was about."""
        return f"{entry.act} {entry.subject}".rstrip()

    @admin.display(description=_("user"), ordering="username")
    def who(self, entry: AuditEntry) -> str:
        """Name who did it, or for whom the plugin was called."""
        return by_whom(entry.username, is_visitor=entry.act == "route")

    @admin.display(description=_("plugin"), ordering="plugin")
    def which(self, entry: AuditEntry) -> str:
        """Name the plugin with the version that it was about."""
        return f"{entry.plugin} {entry.version or ''}".strip() or "–"

    @admin.display(description=_("ms"), ordering="elapsed_ms")
    def took(self, entry: AuditEntry) -> str:
        """Show how long the call took."""
        return "–" if entry.elapsed_ms is None else f"{entry.elapsed_ms:.1f}"
