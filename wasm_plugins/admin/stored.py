"""Stored objects: what lies in storage, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from ..models import StoredObject
from .readonly import ReadOnly

if TYPE_CHECKING:
    StoredObjectAdminBase = admin.ModelAdmin[StoredObject]
else:
    StoredObjectAdminBase = admin.ModelAdmin


@admin.register(StoredObject)
class StoredObjectAdmin(ReadOnly, StoredObjectAdminBase):
    """The objects under the upload prefix, as the last sync saw them."""

    list_display = ("key", "version", "problem", "size_bytes", "seen_at")
    search_fields = ("key",)
    list_select_related = ("version__plugin",)
