"""How a name is written in WIT where it is also a word of WIT."""

from __future__ import annotations

from typing import Final

_WORDS: Final = """
as async bool borrow char constructor enum error-context export f32 f64 flags from func future import include interface
list map option own package record resource result s16 s32 s64 s8 static stream string tuple type u16 u32 u64 u8 use
variant with world
"""
"""What needs a % before it to be a name (component model, WIT design document, Keywords)."""


def wit_id(name: str) -> str:
    """Return a name as WIT files and tools that read them take it."""
    return f"%{name}" if name in _WORDS.split() else name
