"""How a name is written in WIT where it is also a word of WIT."""

from __future__ import annotations

from wasm_plugins.runtime.wit_keywords import KEYWORDS


def wit_id(name: str) -> str:
    """Return a name as WIT files and tools that read them take it."""
    return f"%{name}" if name in KEYWORDS else name
