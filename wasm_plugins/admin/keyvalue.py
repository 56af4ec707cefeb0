"""Key-value stores: how much each plugin keeps of how much it may, and under which keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..models import KeyValue, KeyValueUsage
from ..tuning import LIMITS, readable_limits
from .bucket_filter import BucketFilter
from .permissions import may_see
from .readonly import ReadOnly
from .run_list import BoundedList, BoundedPaginator
from .style import Styled

if TYPE_CHECKING:
    KeyValueAdminBase = admin.ModelAdmin[KeyValue]
    KeyValueUsageAdminBase = admin.ModelAdmin[KeyValueUsage]
else:
    KeyValueAdminBase = KeyValueUsageAdminBase = admin.ModelAdmin

SHOWN_BYTES: Final = 1_024
"""Longest value that is shown, in bytes; only if it is text."""


@admin.register(KeyValueUsage)
class KeyValueUsageAdmin(ReadOnly, Styled, KeyValueUsageAdminBase):
    """What each plugin keeps, without saying what it is."""

    list_display = ("plugin", "kept_keys", "kept_bytes")
    list_select_related = ("plugin",)
    search_fields = ("plugin__name",)
    fields = ("plugin", "kept_keys", "kept_bytes")
    readonly_fields = fields

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees plugins."""
        return may_see(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The same."""
        return may_see(request)

    @admin.display(description=gettext_lazy("keys"), ordering="keys")
    def kept_keys(self, usage: KeyValueUsage) -> str:
        """Say how many keys of how many."""
        return _("%(used)d of %(limit)d") % {"used": usage.keys, "limit": _limit(usage, "keyvalue_keys")}

    @admin.display(description=gettext_lazy("size"), ordering="size_bytes")
    def kept_bytes(self, usage: KeyValueUsage) -> str:
        """Say how many bytes of how many."""
        limit = filesizeformat(_limit(usage, "keyvalue_bytes"))
        return _("%(used)s of %(limit)s") % {"used": filesizeformat(usage.size_bytes), "limit": limit}


@admin.register(KeyValue)
class KeyValueAdmin(ReadOnly, Styled, KeyValueAdminBase):
    """The keys, and a short text under one; only for whoever was given the right to view stored values."""

    list_display = ("plugin", "bucket", "key", "size", "changed_at")
    list_display_links = ("key",)
    list_filter = ("plugin", BucketFilter)
    list_select_related = ("plugin",)
    ordering = ("plugin_id", "bucket", "key")  # as the index has them, so that no page sorts the whole table
    paginator = BoundedPaginator
    show_full_result_count = False  # the table may be large; so nothing of it is counted for each filter either
    show_facets = admin.ShowFacets.NEVER
    change_list_template = "wasm_plugins/admin/keyvalue_list.html"
    search_fields = ("key",)
    fields = ("plugin", "bucket", "key", "size", "changed_at", "text")
    readonly_fields = fields

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that says where it ends."""
        return BoundedList

    def get_queryset(self, request: HttpRequest) -> QuerySet[KeyValue]:
        """Leave the values out, which only a page of one shows."""
        return super().get_queryset(request).defer("value")

    @admin.display(description=gettext_lazy("size"), ordering="size_bytes")
    def size(self, row: KeyValue) -> str:
        """Show the size as people read it."""
        return filesizeformat(row.size_bytes)

    @admin.display(description=gettext_lazy("value"))
    def text(self, row: KeyValue) -> str | SafeString:
        """Show a value that is short and text, as it is and never as HTML; of any other only its size."""
        value = bytes(row.value) if row.size_bytes <= 2 * SHOWN_BYTES else b""
        shown = _printable(value) if row.size_bytes <= 2 * SHOWN_BYTES and len(value) <= SHOWN_BYTES else None
        if shown is None:
            return ngettext("%(size)d byte, not shown", "%(size)d bytes, not shown", row.size_bytes) % {
                "size": row.size_bytes
            }
        return format_html('<pre class="plugin-text">{}</pre>', shown)


def _limit(usage: KeyValueUsage, name: str) -> int:
    own = readable_limits(usage.plugin.limits, usage.plugin.name)
    return own.get(name, LIMITS[name].default)


def _printable(value: bytes) -> str | None:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return text if text.replace("\n", "").replace("\t", "").isprintable() else None
