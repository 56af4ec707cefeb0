"""Finds which of many texts may stand in another one, in time that does not grow with how many they are.

Whatever stands somewhere covers one of the places that are a few characters apart from each other. So of every needle
all short pieces of its beginning are known, and of the text that is searched only the pieces at such places are looked
at. What is found this way may stand there; what is not found does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

DIRECT_CHARS: Final = 64 * 1024 * 1024
"""Up to so many characters, counted once for each needle, it is quicker to look for each by itself: 10 ms."""


class _Pieces(NamedTuple):
    """How needles of some length are cut up."""

    chars: int
    """Length of a piece."""

    apart: int
    """Distance of the places in the searched text; every needle has so many characters more than a piece, less one."""

    known: dict[str, list[str]]
    """Needles by each piece of their beginning."""


class Needles:
    """A set of texts to look for."""

    def __init__(self) -> None:
        self._all: Final[set[str]] = set()
        self._by_length: tuple[str, ...] | None = ()
        self._tiny: Final[list[str]] = []
        self._cut: Final = (_Pieces(8, 25, {}), _Pieces(8, 9, {}), _Pieces(4, 5, {}))
        self.longest = 0
        """Length of the longest one, in characters."""

    def add(self, needle: str) -> None:
        """Look for one more."""
        if needle in self._all:
            return
        self._all.add(needle)
        self._by_length = None
        self.longest = max(self.longest, len(needle))
        for chars, apart, known in self._cut:
            if len(needle) >= chars + apart - 1:
                for at in range(apart):
                    known.setdefault(needle[at : at + chars], []).append(needle)
                return
        self._tiny.append(needle)

    def candidates(self, text: str) -> tuple[str, ...]:
        """Return those that may stand in a text, the longest first; takes time in proportion to the text alone."""
        if len(self._all) * len(text) <= DIRECT_CHARS:
            if self._by_length is None:
                self._by_length = _longest_first(self._all)
            return self._by_length
        return _longest_first({*self._tiny, *self._found(text)})

    def _found(self, text: str) -> Iterator[str]:
        for chars, apart, known in self._cut:
            if known:
                places = range(0, len(text), apart)
                for piece in {piece for at in places if (piece := text[at : at + chars]) in known}:
                    yield from known[piece]


def _longest_first(needles: set[str]) -> tuple[str, ...]:
    return tuple(sorted(needles, key=len, reverse=True))  # a part must not be taken out before its whole
