"""What the bytes of a component are made of, without running or compiling anything."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final

from wasm_plugins.runtime.sections import find_sections, measure_sections

KINDS: Final = (
    "custom",
    "core module",
    "core instance",
    "core type",
    "component",
    "instance",
    "alias",
    "type",
    "canon",
    "start",
    "import",
    "export",
    "value",
)
"""What a section holds, by its id (component model, Binary Format, Component Definitions)."""

METADATA: Final = ("version", "description", "authors", "homepage", "licenses", "source", "revision")
"""Standard sections that hold a text for people."""


def anatomy(data: bytes) -> dict[str, Any]:
    """Return sizes and sections, ready for JSON.

    Raises:
        ValueError: The bytes are no well-formed component.
    """
    kinds: dict[str, dict[str, int]] = {}
    for number, size in measure_sections(data):
        kind = KINDS[number] if number < len(KINDS) else f"section {number}"
        entry = kinds.setdefault(kind, {"sections": 0, "size_bytes": 0})
        entry["sections"] += 1
        entry["size_bytes"] += size
    custom = [(_text(name), payload) for name, _, _, payload in find_sections(data)]
    return {
        "compressed_bytes": len(zlib.compress(data, 6)),
        "sections": kinds,
        "custom_sections": [{"name": name, "size_bytes": len(payload)} for name, payload in custom],
        "metadata": _metadata(dict(custom)),
    }


def _metadata(custom: Mapping[str, bytes]) -> dict[str, str]:
    return {name: _text(custom[name][:1_000]) for name in METADATA if name in custom}


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
