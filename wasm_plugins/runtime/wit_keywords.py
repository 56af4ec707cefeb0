"""Which words WIT keeps for itself."""

from __future__ import annotations

from typing import Final

_WORDS: Final = (
    "as async bool borrow char constructor enum error-context export f32 f64 flags from func future import include"
    " interface list map option own package record resource result s16 s32 s64 s8 static stream string tuple type u16"
    " u32 u64 u8 use variant with world"
)

KEYWORDS: Final = frozenset(_WORDS.split())
"""Words that are names only behind ``%`` (component model, WIT design document, Keywords)."""
