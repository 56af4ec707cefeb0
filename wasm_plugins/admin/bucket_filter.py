"""By which buckets the list of stored values is narrowed: those that were granted, not those of all rows."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..capabilities import KEYVALUE
from ..models import Grant, KeyValue
from ..scopes.buckets import DEFAULT_BUCKET, BucketGrant

MOST_GRANTS: Final = 200
"""How many grants are read for the choices."""


class BucketFilter(SimpleListFilter):
    """The buckets that plugins may open now, of the chosen plugin where one is chosen."""

    title = _("bucket")
    parameter_name = "bucket"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """List the buckets; one that stands in the address is among them, so that what was revoked is found, too."""
        grants = Grant.objects.filter(capability=KEYVALUE)
        plugin = request.GET.get("plugin__id__exact", "")
        if plugin.isdecimal() and len(plugin) < 10:
            grants = grants.filter(plugin=int(plugin))
        names = {DEFAULT_BUCKET, *([chosen] if (chosen := self.value()) else [])}
        for scope in grants.values_list("scope", flat=True)[:MOST_GRANTS]:
            names |= _buckets(scope)
        return [(name, name) for name in sorted(names)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[KeyValue]) -> QuerySet[KeyValue]:
        """Return the values of the chosen bucket."""
        return queryset if self.value() is None else queryset.filter(bucket=(self.value() or "").replace("\0", ""))


def _buckets(scope: Any) -> frozenset[str]:
    try:
        return BucketGrant.from_scope(scope).buckets
    except (ValueError, TypeError, AttributeError):  # written around check_grant
        return frozenset()
