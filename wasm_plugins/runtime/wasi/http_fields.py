"""The resource ``fields`` of ``wasi:http``: headers that are well-formed and few, and none that belong to the host."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ..handles import HostResource
from ..linker import HostFunction
from ..state import CallState
from ..values import Err, Ok, Variant
from ..wit import BOOL, STRING, U8, ListOf, ResultOf, TupleOf
from .http_types import HEADER_ERROR, Header
from .resources import BORROW, OWN, RESOURCES, method, signature

MOST_FIELDS: Final = 64
"""Fields that one request may have."""

FIELDS_BYTES: Final = 16 * 1024
"""What their names and values may have together, in bytes."""

FORBIDDEN: Final = frozenset(
    {
        "host",
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "http2-settings",
        "expect",
    }
)
"""What says whom a request is for and where it ends: a second opinion there is how requests are smuggled (RFC 9112,
sections 9 and 11.2). All that begins with ``proxy-`` is forbidden too."""

_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}")  # RFC 9110, section 5.6.2
_VALUE: Final = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")  # 5.5


class Fields(HostResource):
    """Headers in the order in which they are sent."""

    resource = RESOURCES["fields"]

    def __init__(self, entries: Iterable[Header] = (), *, is_mutable: bool = True) -> None:
        """Hold headers that are known to be good."""
        self.entries: list[Header] = list(entries)
        self.is_mutable: Final = is_mutable

    def frozen(self) -> Fields:
        """Return a copy that nobody can change."""
        return Fields(self.entries, is_mutable=False)

    def named(self, name: str) -> list[bytes]:
        """Return all values of a name."""
        return [value for key, value in self.entries if key.lower() == name.lower()]

    def replace(self, entries: list[Header]) -> str | None:
        """Become these headers, or return why not: a case of ``header-error``."""
        if not self.is_mutable:
            return "immutable"
        for name, value in entries:
            if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
                return "invalid-syntax"
            if name.lower() in FORBIDDEN or name.lower().startswith("proxy-"):
                return "forbidden"
        if len(entries) > MOST_FIELDS or sum(len(name) + len(value) for name, value in entries) > FIELDS_BYTES:
            return "forbidden"
        self.entries = entries
        return None


def _others(fields: Fields, name: str) -> list[Header]:
    return [entry for entry in fields.entries if entry[0].lower() != name.lower()]


def _answer(refusal: str | None) -> Ok | Err:
    return Ok() if refusal is None else Err(Variant(refusal))


def _new(_state: CallState) -> Fields:
    return Fields()


def _from_list(_state: CallState, entries: list[Header]) -> Ok | Err:
    fields = Fields()
    refusal = fields.replace(entries)
    return Ok(fields) if refusal is None else Err(Variant(refusal))


def _get(_state: CallState, fields: Fields, name: str) -> list[bytes]:
    return fields.named(name)


def _has(_state: CallState, fields: Fields, name: str) -> bool:
    return bool(fields.named(name))


def _set(_state: CallState, fields: Fields, name: str, values: list[bytes]) -> Ok | Err:
    return _answer(fields.replace([*_others(fields, name), *((name, value) for value in values)]))


def _delete(_state: CallState, fields: Fields, name: str) -> Ok | Err:
    return _answer(fields.replace(_others(fields, name)))


def _append(_state: CallState, fields: Fields, name: str, value: bytes) -> Ok | Err:
    return _answer(fields.replace([*fields.entries, (name, value)]))


def _entries(_state: CallState, fields: Fields) -> list[Header]:
    return fields.entries


def _clone(_state: CallState, fields: Fields) -> Fields:
    return Fields(fields.entries)


_BYTES: Final = ListOf(U8)
_ENTRIES: Final = ListOf(TupleOf((STRING, _BYTES)))
_DONE: Final = ResultOf(None, HEADER_ERROR)

FUNCTIONS: Final = {
    "[constructor]fields": HostFunction(_new, signature(OWN)),
    "[static]fields.from-list": HostFunction(_from_list, signature(ResultOf(OWN, HEADER_ERROR), entries=_ENTRIES)),
    "[method]fields.get": method(Fields, _get, signature(ListOf(_BYTES), self=BORROW, name=STRING)),
    "[method]fields.has": method(Fields, _has, signature(BOOL, self=BORROW, name=STRING)),
    "[method]fields.set": method(Fields, _set, signature(_DONE, self=BORROW, name=STRING, value=ListOf(_BYTES))),
    "[method]fields.delete": method(Fields, _delete, signature(_DONE, self=BORROW, name=STRING)),
    "[method]fields.append": method(Fields, _append, signature(_DONE, self=BORROW, name=STRING, value=_BYTES)),
    "[method]fields.entries": method(Fields, _entries, signature(_ENTRIES, self=BORROW)),
    "[method]fields.clone": method(Fields, _clone, signature(OWN, self=BORROW)),
}
