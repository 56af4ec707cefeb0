"""Stored objects: what lies in storage, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.template.defaultfilters import filesizeformat, truncatechars
from django.utils.translation import gettext_lazy as _

from ..models import StoredObject
from .readonly import ReadOnly
from .style import Styled

if TYPE_CHECKING:
    StoredObjectAdminBase = admin.ModelAdmin[StoredObject]
else:
    StoredObjectAdminBase = admin.ModelAdmin


@admin.register(StoredObject)
class StoredObjectAdmin(ReadOnly, Styled, StoredObjectAdminBase):
    """The objects under the upload prefix, as the last sync saw them."""

    list_display = ("key", "version", "wrong", "size", "seen_at")
    search_fields = ("key",)
    list_select_related = ("version__plugin",)
    fields = ("key", "version", "whole_problem", "size", "fingerprint", "seen_at")
    readonly_fields = fields

    @admin.display(description=_("problem"))
    def wrong(self, stored: StoredObject) -> str:
        """Show the beginning of what is wrong with it."""
        return truncatechars(self.whole_problem(stored), 200)

    @admin.display(description=_("problem"))
    def whole_problem(self, stored: StoredObject) -> str:
        """Say what is wrong with the object, or why the version that it holds was refused."""
        return stored.problem or ("" if stored.version is None else stored.version.problem) or "–"

    @admin.display(description=_("size"), ordering="size_bytes")
    def size(self, stored: StoredObject) -> str:
        """Show the size as people read it."""
        return filesizeformat(stored.size_bytes)
