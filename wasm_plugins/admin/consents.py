"""What a version asks an admin for, capability by capability: in words, with why it matters and what of it is new."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.template.defaultfilters import truncatechars
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from ..agreements import agreed_scopes, open_scopes
from ..capabilities import AUTHORIZATION, CONFIG, DATABASE, DECLARED, HTML, HTTP, KEYVALUE
from ..grants import reaches, requested_scopes
from ..models import Agreement, Grant, Plugin, PluginVersion
from .offers import WORDS

WHY: Final[Mapping[str, str | Promise]] = {
    DATABASE: gettext_lazy(
        "It may do this for all users, whoever called it, and reaches nothing else in the database. What it changes, "
        "if it may, is part of the same transaction as the act it was called for."
    ),
    HTTP: gettext_lazy("Whatever it may read here, it can send there."),
    CONFIG: gettext_lazy("Give it no secret that is good for anything else; it could send it wherever it may send to."),
    KEYVALUE: gettext_lazy("What it keeps stays after it is disabled, and may be about your users."),
    AUTHORIZATION: gettext_lazy("It learns who may do what. It cannot act as somebody else."),
    HTML: gettext_lazy("What it shows has no scripts and no forms, but could be made to look like your own pages."),
}
_OPERATIONS: Final[Mapping[str, str | Promise]] = {
    "select": gettext_lazy("read rows"),
    "insert": gettext_lazy("add rows"),
    "update": gettext_lazy("change rows"),
    "delete": gettext_lazy("delete rows"),
}
_LISTED: Final[Mapping[str, str | Promise]] = {
    "hosts": gettext_lazy("send requests"),
    "buckets": gettext_lazy("keep values"),
}
_FLAGS: Final[Mapping[str, str | Promise]] = {
    "private": gettext_lazy("also in the private networks that this site lets plugins reach: ask a developer"),
    "in_transaction": gettext_lazy("also while rows of the database are locked, so others may wait: ask a developer"),
}
GRANTED, NEW, WITHHELD = "granted", "new", "withheld"
_STATES: Final = {
    GRANTED: gettext_lazy("granted already"),
    NEW: gettext_lazy("new"),
    WITHHELD: gettext_lazy("not granted before, and it stays so"),
}
_UNKNOWN_CHARS: Final = 200
"""How much is shown of a key that no capability knows: no grant can have one. What a grant can name is never cut."""


class Part(NamedTuple):
    """The least of a scope that can be granted for itself."""

    name: str
    """Such as a table's or a host's; what the author wrote, whole."""
    words: str | Promise
    scope: dict[str, Any]
    is_known: bool
    """Whether the key it stands under is one that a grant may have."""


class Item(NamedTuple):
    """One thing that a capability is to reach."""

    name: str
    """Such as a table's or a host's; what the author wrote."""
    words: str | Promise
    state: str
    said: str | Promise
    """The state in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One capability that a version asks for."""

    capability: str
    words: str | Promise
    why: str | Promise
    items: tuple[Item, ...]
    is_open: bool
    """Whether it needs a yes: what would be granted is more than is granted."""
    is_required: bool
    """Whether the version cannot serve without."""
    grant: Grant | None
    agreement: Agreement | None
    """The yes that was said to what is open, if it still counts."""

    @property
    def is_new(self) -> bool:
        """Whether nothing of it is granted yet."""
        return self.grant is None

    @property
    def is_settled(self) -> bool:
        """Whether a version may serve as far as this goes."""
        return self.grant is not None or self.agreement is not None or not self.is_required


def requests_of(plugin: Plugin, version: PluginVersion) -> list[Request]:
    """List what a verified version asks for, what needs a yes first."""
    wanted = open_scopes(plugin, version)
    agreed = agreed_scopes(version, wanted)
    grants = {grant.capability: grant for grant in plugin.grants.select_related("granted_by")}
    found = [
        Request(
            capability=name,
            words=WORDS.get(name, ""),
            why=WHY.get(name, ""),
            items=tuple(_items(name, scope, grants.get(name), wanted.get(name))),
            is_open=name in wanted,
            is_required=name not in DECLARED,
            grant=grants.get(name),
            agreement=agreed.get(name),
        )
        for name, scope in requested_scopes(version).items()
    ]
    return sorted(found, key=lambda each: not each.is_open)


def _items(name: str, asked: Mapping[str, Any], grant: Grant | None, wanted: Any) -> Iterator[Item]:
    for part in parts_of(asked):
        if grant is not None and reaches(name, grant.scope, part.scope):
            state = GRANTED
        else:
            state = NEW if wanted is not None and reaches(name, wanted, part.scope) else WITHHELD
        label = part.name if part.is_known else truncatechars(part.name, _UNKNOWN_CHARS)
        words = part.words if isinstance(part.words, Promise) else truncatechars(part.words, _UNKNOWN_CHARS)
        yield Item(label, words, state, _STATES[state])


def parts_of(scope: Mapping[str, Any]) -> Iterator[Part]:
    """Take a scope apart into the least that can be granted, each with a name and words: flags first, nothing cut."""
    for key, value in sorted(scope.items(), key=lambda each: each[0] not in _FLAGS):
        if key == "tables" and isinstance(value, Mapping):
            for table, operations in value.items():
                for operation in operations if isinstance(operations, list) else [operations]:
                    words = _OPERATIONS.get(str(operation), str(operation))
                    yield Part(str(table), words, {key: {table: [operation]}}, is_known=True)
        elif key in _LISTED and isinstance(value, list):
            for each in value:
                yield Part(str(each), _LISTED[key], {key: [each]}, is_known=True)
        elif key in _FLAGS:
            if value:
                yield Part(key, _FLAGS[key], {key: value}, is_known=True)
        else:
            yield Part(str(key), json.dumps(value, ensure_ascii=False), {key: value}, is_known=False)
