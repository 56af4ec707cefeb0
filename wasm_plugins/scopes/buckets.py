"""Which buckets of its key-value store a plugin may open, read from the scope of its grant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MOST_BUCKETS: Final = 16
"""Buckets that one grant may name."""

DEFAULT_BUCKET: Final = "default"
"""The bucket that every plugin has which was granted the store."""

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NAME_CHARS: Final = 63


@dataclass(frozen=True, slots=True)
class BucketGrant:
    """Which buckets one plugin may open, all of them its own; immutable."""

    buckets: frozenset[str] = frozenset({DEFAULT_BUCKET})

    @classmethod
    def from_scope(cls, scope: Mapping[str, object]) -> BucketGrant:
        """Read ``{"buckets": ["carts"]}``; ``default`` is always among them.

        Raises:
            ValueError: The scope has another shape, or a name or their number is out of bounds.
        """
        unknown = sorted(str(key) for key in scope if key != "buckets")
        if unknown:
            raise ValueError(f"unknown key {unknown[0]!r:.80} in a keyvalue scope; only 'buckets' is known")
        names = scope.get("buckets", [])
        if not isinstance(names, (list, tuple)):
            raise ValueError(f"buckets is {type(names).__name__}, not a list")
        if len(names) > MOST_BUCKETS:
            raise ValueError(f"{len(names)} buckets are named; at most {MOST_BUCKETS} are allowed")
        return cls(frozenset({DEFAULT_BUCKET, *map(_name, names)}))

    def covers(self, other: BucketGrant) -> bool:
        """Tell whether the other grant lets a plugin open nothing that this one does not."""
        return other.buckets <= self.buckets


def _name(name: object) -> str:
    if not isinstance(name, str) or len(name) > _NAME_CHARS or _NAME.fullmatch(name) is None:
        raise ValueError(f"bucket {name!r:.80} is no lower-case kebab-case name of at most {_NAME_CHARS} characters")
    return name
