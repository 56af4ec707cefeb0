"""What a signature on a component is about: a small statement, written in one way only so that it can be signed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from ..capabilities import requested

FORMAT: Final = "wasm-plugins-statement-1"
"""Names the rules below; other rules get another name, and old readers refuse it."""

STATEMENT_BYTES: Final = 64 * 1024
MOST_NUMBER: Final = 2**53 - 1
"""Largest whole number that every JSON reader keeps exactly (RFC 8259, section 6)."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_TEXT_CHARS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a signer says of one component."""

    name: str
    """The plugin that the component is a version of."""

    number: int
    """Grows with every version that is signed; a smaller one never replaces a larger one by itself."""

    digest: str
    """SHA-256 of the component as it was before it was signed, 64 hexadecimal digits."""

    version: str = ""
    """The version as the author's ``plugin.toml`` spells it; for people."""

    capabilities: Mapping[str, Any] = field(default_factory=dict)
    """Scope by each capability that it needs or names."""

    not_before: int = 0
    """When it may begin to serve, in seconds since 1970 (POSIX time)."""

    def as_json(self) -> dict[str, Any]:
        """Return plain values, ready for a JSON column."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, stored: object) -> Statement:
        """Return the statement that these values are, and no other than one that ``as_json`` could have made.

        Raises:
            ValueError: With the field at fault.
        """
        if not isinstance(stored, dict) or stored.keys() != {"format", *cls.__dataclass_fields__}:
            raise ValueError("the statement has other fields than a statement has")
        if stored["format"] != FORMAT:
            raise ValueError(f"the statement's format is {stored['format']!r:.80}, not {FORMAT}")
        for name, is_right in _RULES.items():
            if not is_right(stored[name]):
                raise ValueError(f"the statement's {name} is {stored[name]!r:.80}")
        said: dict[str, Any] = {name: value for name, value in stored.items() if name != "format"}
        return cls(**said)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _TEXT_CHARS


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MOST_NUMBER


_RULES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "name": _is_text,
    "version": _is_text,
    "number": _is_count,
    "not_before": _is_count,
    "digest": lambda value: isinstance(value, str) and _DIGEST.fullmatch(value) is not None,
    "capabilities": lambda value: isinstance(value, dict),
}


def canonical(value: object) -> bytes:
    """Return JSON with sorted keys, no blanks and ASCII only, so that the same value is always the same bytes.

    Raises:
        ValueError: The value is no JSON, or is larger than a statement may be.
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"is no JSON: {error}") from None
    if len(text) > STATEMENT_BYTES:
        raise ValueError(f"has {len(text)} bytes; the limit of a statement is {STATEMENT_BYTES}")
    return text.encode()


def stated_capabilities(imports: Iterable[str], scopes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a statement says of capabilities: all that the imports need or ``plugin.toml`` names, with scopes."""
    return {name: scopes.get(name, {}) for name in sorted({*requested(imports), *scopes})}
