"""What a version asks for beside what was granted, in words that an admin decides by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..capabilities import AUTHORIZATION, CONFIG, DATABASE, DECLARED, HTML, HTTP, KEYVALUE
from ..grants import reaches, requested_scopes
from ..models import Plugin, PluginVersion

WORDS: Final[Mapping[str, str | Promise]] = {
    DATABASE: gettext_lazy("use database tables, as listed with each, inside the caller's transaction"),
    AUTHORIZATION: gettext_lazy("ask what the user who calls may do"),
    HTTP: gettext_lazy("send requests to other hosts"),
    HTML: gettext_lazy(
        "answer with HTML, without scripts and forms: pages at this site's address, and parts of the site's own pages"
        " where it has places for them; the plugin also runs without this"
    ),
    CONFIG: gettext_lazy("read its own settings and secrets"),
    KEYVALUE: gettext_lazy("keep values of its own between calls, up to a limit; no other plugin sees them"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One capability that a version asks for."""

    capability: str
    words: str
    """What the capability lets it do."""
    scope: str
    """How far the version wants it to reach; empty where it names nothing."""
    is_granted: bool
    """Whether it was granted at all: without that the version cannot serve, if it is required."""
    is_covered: bool
    """Whether it was granted as far as the version asks."""
    is_required: bool
    """Whether the version cannot serve without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A verified version with all that it asks for."""

    version: PluginVersion
    wishes: tuple[Wish, ...]

    @property
    def is_granted(self) -> bool:
        """Whether it may serve: every capability that it cannot run without was granted, however narrow."""
        return all(wish.is_granted for wish in self.wishes if wish.is_required)

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
            is_covered=capability in granted and reaches(capability, granted[capability], scope),
            is_required=capability not in DECLARED,
        )
        for capability, scope in requested_scopes(version).items()
    )
    return Offer(version=version, wishes=wishes)


def reach_in_words(capability: str, scope: Any) -> str:
    """Say how far a grant reaches, also one whose scope is empty; a scope that is no object is shown as it is."""
    if not isinstance(scope, Mapping):
        return json.dumps(scope, ensure_ascii=False)
    nothing = {DATABASE: _("no table"), HTTP: _("no host"), KEYVALUE: _no_bucket()}
    return scope_in_words(scope) or nothing.get(capability, _("all of it: it takes no scope"))


def scope_in_words(scope: Mapping[str, Any]) -> str:
    """Return a scope as text: hosts, buckets, tables with what may be done to them, or JSON where it is none of these.

    It is whole, however long: an admin approves by it, and ``plugin.toml`` has 64 KiB at most.
    """
    if isinstance(hosts := scope.get("hosts"), list):
        return _hosts_in_words(hosts, scope)
    if scope.keys() == {"buckets"} and isinstance(buckets := scope["buckets"], list):
        return _("buckets %(names)s") % {"names": ", ".join(map(str, buckets))} if buckets else _no_bucket()
    tables = scope.get("tables")
    if scope.keys() != {"tables"} or not isinstance(tables, Mapping):
        return json.dumps(scope, ensure_ascii=False) if scope else ""
    listed = [f"{table} ({_joined(operations)})" for table, operations in tables.items()]
    return ", ".join(listed) or _("no table")


def _hosts_in_words(hosts: list[object], scope: Mapping[str, Any]) -> str:
    words = []
    if scope.get("private"):
        words.append(_("also in private networks"))
    if scope.get("in_transaction"):
        words.append(_("also while a transaction is open"))
    rest = {key: value for key, value in scope.items() if key not in ("hosts", "private", "in_transaction")}
    if rest:
        words.append(json.dumps(rest, ensure_ascii=False))
    return "; ".join([*words, ", ".join(map(str, hosts)) or _("no host")])


def _no_bucket() -> str:
    return _("no bucket but “default”")


def _joined(operations: object) -> str:
    return ", ".join(map(str, operations)) if isinstance(operations, list) else str(operations)
