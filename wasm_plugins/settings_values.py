"""What a plugin's settings amount to: what an admin set, where it fits, over the defaults of the plugin's schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .settings_schema import ORDER, validator

_NOTHING: Final = object()

Path = tuple[str, ...]


def is_secret(schema: Mapping[str, Any]) -> bool:
    """Tell whether a property is kept as a secret: encrypted, and never shown again."""
    return schema.get("writeOnly") is True


def is_group(schema: Mapping[str, Any]) -> bool:
    """Tell whether a property is an object whose own properties are settings each."""
    return (
        schema.get("type") == "object"
        and bool(schema.get("properties"))
        and not isinstance(schema.get("additionalProperties"), Mapping)
        and not {"anyOf", "oneOf", "enum", "const"} & schema.keys()
    )


def leaves(schema: Mapping[str, Any], at: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any], bool]]:
    """Yield each setting with its path, its schema, and whether it has to be there.

    What an object that may be missing requires has to be there only together with the rest of that object.
    """
    required = schema.get("required", [])
    properties = schema.get("properties", {})
    for name in schema.get(ORDER, properties):
        path, inner = (*at, name), properties[name]
        if is_group(inner):
            needed = name in required
            yield from ((each, one, must and needed) for each, one, must in leaves(inner, path))
        else:
            yield path, inner, name in required


def find_value(values: Any, path: Path) -> Any:
    """Return the value at a path, or ``None`` where there is none; ``has_value`` tells it from a null."""
    found = _at(values, path)
    return None if found is _NOTHING else found


def has_value(values: Any, path: Path) -> bool:
    """Tell whether there is a value at a path."""
    return _at(values, path) is not _NOTHING


def put_value(values: dict[str, Any], path: Path, value: Any) -> None:
    """Set a value at a path."""
    for name in path[:-1]:
        values = values.setdefault(name, {})
    values[path[-1]] = value


def default_of(schema: Mapping[str, Any], path: Path) -> tuple[Any, bool]:
    """Return the default at a path and whether there is one: the setting's own, else that of an object around it."""
    around: Any = _NOTHING
    for name in path:
        if "default" in schema:
            around = schema["default"]
        around = _at(around, (name,))
        schema = schema["properties"][name]
    found = schema.get("default", around)
    return (None, False) if found is _NOTHING else (found, True)


def in_force(schema: Mapping[str, Any], stored: Any) -> dict[str, Any]:
    """Return the values that hold: what is stored where it fits the schema, else the default, and no secrets.

    What was stored under the schema of another version stays stored and is left out here, so that going back to that
    version finds it again.
    """
    values: dict[str, Any] = {}
    for path, leaf, _ in leaves(schema):
        if is_secret(leaf):
            continue
        value = _at(stored, path)
        if value is not _NOTHING and validator(leaf).is_valid(value):
            put_value(values, path, value)
        elif (default := default_of(schema, path))[1]:
            put_value(values, path, default[0])
    return values


def misfits(schema: Mapping[str, Any], stored: Any) -> list[str]:
    """List the settings whose stored value does not fit, so that the default holds."""
    return [
        ".".join(path)
        for path, leaf, _ in leaves(schema)
        if not is_secret(leaf) and has_value(stored, path) and not validator(leaf).is_valid(_at(stored, path))
    ]


def missing(schema: Mapping[str, Any], stored: Any, secrets: frozenset[str]) -> list[str]:
    """List the settings and secrets that have to be there and are not.

    Args:
        schema: What the version declares.
        stored: What an admin set.
        secrets: Names of the secrets that are set.
    """
    values = in_force(schema, stored)
    return [
        ".".join(path)
        for path, leaf, must in leaves(schema)
        if must and not (path[0] in secrets if is_secret(leaf) else has_value(values, path))
    ]


def as_keys(schema: Mapping[str, Any], values: Any) -> dict[str, str]:
    """Return values as a plugin reads them with ``wasi:config/store``: text by key.

    A setting inside an object has a key with dots, such as ``smtp.host``. Text is itself; all else is JSON.
    """
    found = {}
    for path, leaf, _ in leaves(schema):
        if not is_secret(leaf) and (value := _at(values, path)) is not _NOTHING:
            found[".".join(path)] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return found


def as_told(schema: Mapping[str, Any], stored: Any) -> dict[str, str]:
    """Return what a plugin reads with ``wasi:config/store`` beside its secrets: what is stored, over the defaults."""
    return as_keys(schema, in_force(schema, stored)) if schema else {}


def _at(values: Any, path: Path) -> Any:
    for name in path:
        if not isinstance(values, Mapping) or name not in values:
            return _NOTHING
        values = values[name]
    return values
