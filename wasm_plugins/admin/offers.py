"""What a version asks for beside what was granted, in words that an admin decides by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..capabilities import AUTHORIZATION, CONFIG, DATABASE
from ..grants import covers, requested_scopes
from ..models import Plugin, PluginVersion

WORDS: Final[Mapping[str, str | Promise]] = {
    DATABASE: gettext_lazy("read and write database tables, inside the caller's transaction"),
    AUTHORIZATION: gettext_lazy("ask what the user who calls may do"),
    CONFIG: gettext_lazy("read its own settings and secrets"),
}
_SCOPE_CHARS: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One capability that a version needs."""

    capability: str
    words: str
    """What the capability lets it do."""
    scope: str
    """How far the version wants it to reach; empty where it names nothing."""
    is_granted: bool
    """Whether it was granted at all: without that the version cannot serve."""
    is_covered: bool
    """Whether it was granted as far as the version asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A verified version with all that it asks for."""

    version: PluginVersion
    wishes: tuple[Wish, ...]

    @property
    def is_granted(self) -> bool:
        """Whether it may serve: every capability was granted, however narrow."""
        return all(wish.is_granted for wish in self.wishes)

    @property
    def is_covered(self) -> bool:
        """Whether all that it asks for was granted."""
        return all(wish.is_covered for wish in self.wishes)


def offer_of(plugin: Plugin, version: PluginVersion) -> Offer:
    """Compare what a verified version asks for with what its plugin was granted."""
    granted = {grant.capability: grant.scope for grant in plugin.grants.all()}
    wishes = tuple(
        Wish(
            capability=capability,
            words=str(WORDS.get(capability, "")),
            scope=scope_in_words(scope),
            is_granted=capability in granted,
            is_covered=capability in granted and covers(granted[capability], scope),
        )
        for capability, scope in requested_scopes(version).items()
    )
    return Offer(version=version, wishes=wishes)


def scope_in_words(scope: Mapping[str, Any]) -> str:
    """Return a scope as text: tables with what may be done to them, or JSON where it is none that we know."""
    tables = scope.get("tables")
    if scope.keys() != {"tables"} or not isinstance(tables, Mapping):
        return json.dumps(scope, ensure_ascii=False)[:_SCOPE_CHARS] if scope else ""
    listed = [f"{table} ({_joined(operations)})" for table, operations in tables.items()]
    return (", ".join(listed) or _("no table"))[:_SCOPE_CHARS]


def _joined(operations: object) -> str:
    return ", ".join(map(str, operations)) if isinstance(operations, list) else str(operations)
