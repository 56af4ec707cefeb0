"""What a version asks an admin for, capability by capability: in words, with why it matters and what of it is new."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..agreements import agreed_scopes, open_scopes
from ..capabilities import AUTHORIZATION, CONFIG, DATABASE, DECLARED, HTML, HTTP, KEYVALUE
from ..grants import reaches, requested_scopes
from ..models import Agreement, Grant, Plugin, PluginVersion
from .offers import WORDS

WHY: Final[Mapping[str, str | Promise]] = {
    DATABASE: gettext_lazy(
        "It sees and changes these tables for all users, whoever called it, and nothing else in the database. What it "
        "changes is part of the same transaction as the act it was called for."
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
_TEXT_CHARS: Final = 200


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
    for label, words, part in _parts(asked):
        if grant is not None and reaches(name, grant.scope, part):
            state = GRANTED
        else:
            state = NEW if wanted is not None and reaches(name, wanted, part) else WITHHELD
        yield Item(label[:_TEXT_CHARS], words, state, _STATES[state])


def _parts(scope: Mapping[str, Any]) -> Iterator[tuple[str, str | Promise, dict[str, Any]]]:
    """Take a scope apart into the least that can be granted, each with a name and words for it."""
    for key, value in scope.items():
        if key == "tables" and isinstance(value, Mapping):
            for table, operations in value.items():
                for operation in operations if isinstance(operations, list) else [operations]:
                    words = _OPERATIONS.get(str(operation), str(operation)[:_TEXT_CHARS])
                    yield str(table), words, {key: {table: [operation]}}
        elif key == "hosts" and isinstance(value, list):
            for host in value:
                yield str(host), _("send requests"), {key: [host]}
        elif key in _FLAGS:
            if value:
                yield key, _FLAGS[key], {key: value}
        else:
            yield str(key), json.dumps(value, ensure_ascii=False)[:_TEXT_CHARS], {key: value}
