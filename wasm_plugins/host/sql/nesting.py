"""How large a statement may become when a database merges its sub-selects into one another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from .errors import SqlRefused

Piece = Literal["(", ")", "select", "name"]

MOST_EXPANDED: Final = 50_000
"""Names in the statement after every sub-select was merged into the one around it."""


@dataclass(slots=True)
class _Level:
    names: int = 0
    inner: int = 1
    is_select: bool = False


def check_nesting(pieces: Iterable[Piece]) -> None:
    """Refuse a statement whose nested sub-selects multiply.

    Both databases put the expression of a sub-select's column in place of each mention of that column, before they
    count, and before a timeout or a progress handler is looked at: twenty-five sub-selects which each double the
    last were seen to take a PostgreSQL server down. At each level a column can be mentioned as often as the level
    has names, so the product over the levels bounds what can come of it.

    Raises:
        SqlRefused: The product is above ``MOST_EXPANDED``.
    """
    levels = [_Level()]
    for piece in pieces:
        if piece == "(":
            levels.append(_Level())
        elif piece == ")" and len(levels) > 1:
            _close(levels.pop(), levels[-1])
        elif piece == "select":
            levels[-1].is_select = True
        elif piece == "name":
            levels[-1].names += 1
    while len(levels) > 1:
        _close(levels.pop(), levels[-1])
    expanded = max(1, levels[0].names) * levels[0].inner
    if expanded > MOST_EXPANDED:
        raise SqlRefused(
            f"nested sub-selects could grow to {expanded} names; at most {MOST_EXPANDED} are allowed: nest less"
        )


def _close(level: _Level, around: _Level) -> None:
    if level.is_select:
        around.inner = max(around.inner, max(1, level.names) * level.inner)
    else:
        around.names += level.names
        around.inner = max(around.inner, level.inner)
