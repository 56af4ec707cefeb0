"""Reads ``plugin.toml`` and what its tables hold, within bounds; of what stands there nothing is believed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, Final

from .exceptions import ManifestError
from .manifest import TEXT_CHARS, TOML_BYTES

TEXTS: Final = ("version", "title", "description", "author", "homepage", "license")
SECTIONS: Final = frozenset({"hooks", "routes", "tasks", "settings", "capabilities"})

_MOST_DOTS: Final = 200
"""Dots of one line of ``plugin.toml``: for a key of many parts the parser takes the square of their number in time."""


def shown(value: object) -> str:
    """Return a value as an error may quote it, in at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def read_toml(toml: bytes | None) -> Mapping[str, Any]:
    """Return what ``plugin.toml`` holds, or nothing where a component has none.

    Raises:
        ManifestError: It is too large, no TOML, or has a key that nobody knows.
    """
    if toml is None:
        return {}
    if len(toml) > TOML_BYTES:
        raise ManifestError(f"{len(toml)} bytes; the limit is {TOML_BYTES}", field="plugin.toml")
    if any(line.count(b".") > _MOST_DOTS for line in toml.splitlines()):
        raise ManifestError(f"a line has more than {_MOST_DOTS} dots", field="plugin.toml")
    try:
        extra = tomllib.loads(toml.decode())
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a plain ValueError
        raise ManifestError(f"is no TOML: {shown(str(error))}", field="plugin.toml") from None
    for key in extra:
        if key not in SECTIONS and key not in TEXTS:
            raise ManifestError(f"{shown(key)} is unknown", field="plugin.toml")
    return extra


def entry(tables: Mapping[str, Any], name: str, known: frozenset[str], at: str) -> Mapping[str, Any]:
    """Return what ``plugin.toml`` adds to one hook, route or task; a misspelt key must not pass in silence.

    Raises:
        ManifestError: It has a key that nobody knows.
    """
    found = table_of(tables, name)
    if unknown := next((key for key in found if key not in known), None):
        raise ManifestError(f"{shown(unknown)} is unknown; known are {', '.join(sorted(known))}", field=at)
    return found


def table_of(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a table, empty where there is none.

    Raises:
        ManifestError: Something else stands there.
    """
    table = holder.get(key, {})
    if not isinstance(table, dict):
        raise ManifestError(f"{shown(table)} is no table", field=f"plugin.toml: {key}")
    return table


def text_of(extra: Mapping[str, Any], key: str) -> str:
    """Return a text for people, empty where there is none.

    Raises:
        ManifestError: It is no text, is too long, or cannot be printed.
    """
    text = extra.get(key, "")
    if not isinstance(text, str) or len(text) > TEXT_CHARS or not text.replace("\n", "").isprintable():
        raise ManifestError(f"must be printable text of at most {TEXT_CHARS} characters", field=f"plugin.toml: {key}")
    if key == "homepage" and text and not text.startswith(("https://", "http://")):
        raise ManifestError(f"{shown(text)} must begin with https://", field=f"plugin.toml: {key}")
    return text


def number_of(table: Mapping[str, Any], key: str, default: Any, least: int, most: int, at: str) -> Any:
    """Return a whole number, or the default where there is none.

    Raises:
        ManifestError: It is none, or not from ``least`` to ``most``.
    """
    value = table.get(key, default)
    if value is default:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ManifestError(f"{shown(value)} must be a whole number from {least} to {most}", field=f"{at}.{key}")
    return value
