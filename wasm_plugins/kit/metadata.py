"""The standard custom sections that say what a component is, made from ``plugin.toml``.

Their names are those of the annotations that registries know; the payload of each is plain UTF-8 (WebAssembly
tool conventions, as the ``wasm-metadata`` crate reads and writes them).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Final

from wasm_plugins.runtime.sections import append_section

SECTION_OF: Final[Mapping[str, str]] = {
    "version": "version",
    "description": "description",
    "author": "authors",
    "homepage": "homepage",
    "license": "licenses",
}
"""The section's name by the key in ``plugin.toml``."""


def add_metadata(component: bytes, declaration: bytes) -> bytes:
    """Return the component with a section for each text of ``plugin.toml`` that there is a standard section for.

    Raises:
        ValueError: The first is no component, or the second no TOML.
    """
    declared = tomllib.loads(declaration.decode())
    for key, section in SECTION_OF.items():
        text = declared.get(key)
        if isinstance(text, str) and text:
            component = append_section(component, section, text.encode())
    return component
