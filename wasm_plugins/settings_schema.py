"""Refuses, when a plugin is verified, a schema of its settings that no form can be made of or that could do harm.

``[settings]`` of ``plugin.toml`` is a JSON schema (draft 2020-12) of which a part is taken: what describes a value by
itself. What refers to somewhere else, or makes one rule depend on another, is refused by its name, so that a schema can
neither reach out nor grow while it is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jsonschema_rs import Draft202012Validator, RegexOptions

from .manifest import TEXT_CHARS

MOST_SETTINGS: Final = 64
"""Properties of one object."""

MOST_SCHEMAS: Final = 256
"""Schemas inside one another and side by side, altogether."""

MOST_DEEP: Final = 8
MOST_CHOICES: Final = 256
"""Entries of ``enum``, ``oneOf`` and ``anyOf``."""

PATTERN_CHARS: Final = 512
SCHEMA_BYTES: Final = 32 * 1024
"""What the schema may weigh as JSON."""

VALUES_BYTES: Final = 64 * 1024
"""What all values together may weigh as JSON."""

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}", re.ASCII)
_LARGEST: Final = 2**53
"""Beyond, JSON numbers are not exact in every language (RFC 8259, 6)."""

_REGEX: Final = RegexOptions(size_limit=1_000_000, dfa_size_limit=1_000_000)
"""An engine that takes linear time for whatever pattern, and refuses those that it would need much memory for."""

_TEXTS: Final = frozenset({"title", "description", "$comment"})
_INNER: Final = frozenset({"items", "additionalProperties"})
_LISTS: Final = frozenset({"anyOf", "oneOf"})
ORDER: Final = "x-order"
"""Where the names of the properties stand in their order, which a database may not keep of an object."""

TAKEN: Final = (
    _TEXTS
    | _INNER
    | _LISTS
    | frozenset({"type", "default", "enum", "const", "examples", "deprecated", "format", "writeOnly"})
    | frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
    | frozenset({"minLength", "maxLength", "pattern"})
    | frozenset({"minItems", "maxItems", "uniqueItems"})
    | frozenset({"properties", "required", "minProperties", "maxProperties"})
)
"""Keywords that a schema may have."""


def read_schema(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a plugin's settings; of a plugin without settings, nothing.

    Raises:
        ValueError: With where it is at fault, and the limit or rule.
    """
    if not table:
        return {}
    schema = {"type": "object", "additionalProperties": False, **table}
    if schema.pop("$schema", _DRAFT) != _DRAFT:
        raise ValueError(f"$schema must be {_DRAFT}, or left out")
    if schema["type"] != "object":
        raise ValueError("the type of settings as a whole is object")
    _check_size(schema)
    _check_all(schema)
    validator(schema)
    for at, each in subschemas(schema):
        _check_default(each, at)
    return _with_order(schema)


def validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    """Return what tells whether values fit a schema; it fetches nothing, and takes linear time for patterns.

    Raises:
        ValueError: It is no valid schema.
    """
    try:
        return Draft202012Validator(dict(schema), validate_formats=True, offline=True, pattern_options=_REGEX)
    except ValueError as error:
        where = "".join(f".{part}" for part in getattr(error, "instance_path", ()))
        said = str(getattr(error, "message", error)).splitlines()[0]
        raise ValueError(f"{where.lstrip('.') or 'it'} is no valid JSON schema: {said[:200]}") from None


def subschemas(schema: Mapping[str, Any], at: str = "", depth: int = 1) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield a schema and those inside it, each with where it is.

    Raises:
        ValueError: They are nested too deep, or one is no table.
    """
    if depth > MOST_DEEP:
        raise ValueError(f"{at or 'it'} is nested more than {MOST_DEEP} deep")
    inside = list(_inner(schema, at))
    yield at, schema
    for key, inner in inside:
        yield from subschemas(inner, key, depth + 1)


def _inner(schema: Mapping[str, Any], at: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping):
        raise ValueError(f"{at}.properties is no table".lstrip("."))
    found: list[tuple[str, Any]] = [(f"{at}.{name}", inner) for name, inner in properties.items()]
    found += [(f"{at}.{key}", schema[key]) for key in _INNER & schema.keys() if not isinstance(schema[key], bool)]
    for key in sorted(_LISTS & schema.keys()):
        listed = schema[key]
        if not isinstance(listed, list) or len(listed) > MOST_CHOICES:
            raise ValueError(f"{at}.{key} is a list of at most {MOST_CHOICES} schemas".lstrip("."))
        found += [(f"{at}.{key}[{number}]", inner) for number, inner in enumerate(listed)]
    for where, inner in found:
        if not isinstance(inner, Mapping):
            raise ValueError(f"{where} is no table".lstrip("."))
        yield where.lstrip("."), inner


def _with_order(schema: Mapping[str, Any]) -> dict[str, Any]:
    if not schema.get("properties"):
        return dict(schema)
    properties = {name: _with_order(inner) for name, inner in schema["properties"].items()}
    return {**schema, "properties": properties, ORDER: list(properties)}


def _check_size(schema: Mapping[str, Any]) -> None:
    try:
        text = json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ValueError("it holds a value that JSON does not have") from None
    if len(text) > SCHEMA_BYTES:
        raise ValueError(f"it has {len(text)} bytes as JSON; the limit is {SCHEMA_BYTES}")
    if "\\u0000" in text:
        raise ValueError("it holds the character NUL")


def _check_all(schema: Mapping[str, Any]) -> None:
    for number, (at, each) in enumerate(subschemas(schema), 1):
        if number > MOST_SCHEMAS:
            raise ValueError(f"it has more than {MOST_SCHEMAS} schemas in it")
        _check_keywords(each, at or "it")
        _check_names(each, at or "it")
        if each.get("writeOnly") and (at not in schema.get("properties", {}) or each.get("type") != "string"):
            raise ValueError(f"{at}: only a string among the settings themselves can be a secret (writeOnly)")
        if each.get("writeOnly") and "default" in each:
            raise ValueError(f"{at}: a secret has no default; everybody could read it in the component")


def _check_keywords(schema: Mapping[str, Any], at: str) -> None:
    if unknown := next((key for key in schema if key not in TAKEN), None):
        raise ValueError(f"{at}: {unknown[:80]!r} is not taken; taken are {', '.join(sorted(TAKEN))}")
    for key in _TEXTS & schema.keys():
        text = schema[key]
        if not isinstance(text, str) or len(text) > TEXT_CHARS or not text.replace("\n", "").isprintable():
            raise ValueError(f"{at}: {key} must be printable text of at most {TEXT_CHARS} characters")
    if len(str(schema.get("pattern", ""))) > PATTERN_CHARS:
        raise ValueError(f"{at}: pattern has more than {PATTERN_CHARS} characters")
    if isinstance(schema.get("enum"), list) and len(schema["enum"]) > MOST_CHOICES:
        raise ValueError(f"{at}: enum has more than {MOST_CHOICES} entries")
    if any(isinstance(each, (int, float)) and abs(each) > _LARGEST for each in schema.values()):
        raise ValueError(f"{at}: a number is larger than {_LARGEST}")


def _check_names(schema: Mapping[str, Any], at: str) -> None:
    names = schema.get("properties", {})
    if len(names) > MOST_SETTINGS:
        raise ValueError(f"{at} has {len(names)} properties; the limit is {MOST_SETTINGS}")
    if bad := next((name for name in names if not _NAME.fullmatch(name)), None):
        raise ValueError(f"{at}: {bad[:80]!r} is no name: use a to z, digits, underscore and hyphen, at most 63")
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) and name in names for name in required):
        raise ValueError(f"{at}: required is a list of names of its properties")


def _check_default(schema: Mapping[str, Any], at: str) -> None:
    if "default" in schema and not validator(schema).is_valid(schema["default"]):
        raise ValueError(f"{at or 'it'}: the default does not fit the schema itself")
