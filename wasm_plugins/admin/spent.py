"""What a call spent of its limits, as a table that people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ..tuning import LIMITS, in_words


@dataclass(frozen=True, slots=True)
class Spent:
    """One limit with what was spent of it."""

    name: str
    label: str
    used: str
    limit: str
    percent: int


def spent_rows(used: Any) -> list[Spent]:
    """Return a row for each limit, by name; what a row of the database has of another shape is left out."""
    if not isinstance(used, Mapping):
        return []
    return [_row(str(name), pair) for name, pair in sorted(used.items()) if _is_pair(pair)]


def _is_pair(pair: object) -> bool:
    return isinstance(pair, Sequence) and len(pair) == 2 and all(isinstance(each, int) for each in pair)


def _row(name: str, pair: Sequence[int]) -> Spent:
    amount, limit = pair
    known = LIMITS.get(name)
    label = _("time, in milliseconds") if name == "deadline_ms" else name if known is None else str(known.label)
    percent = min(100, round(100 * amount / limit)) if limit else 100
    return Spent(name, capfirst(label), in_words(name, amount), in_words(name, limit), percent)
