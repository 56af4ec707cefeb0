"""What one check of ``plugins doctor`` found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    is_good: bool
    message: str
    advice: str = ""
    """What to do next, where something is to be done."""
