"""Lists of words, written as they are read."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """Split a text at its spaces and lines into a set of words."""
    return frozenset(text.split())
