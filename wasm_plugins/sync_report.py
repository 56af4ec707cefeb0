"""What one look into storage would do and what it found, object by object."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal

Result = Literal["unchanged", "verified", "refused", "problem", "removed"]

Act = Literal["nothing", "fetch", "set-aside", "remove"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the next sync would do with one object, by what a listing and the records say."""

    key: str
    act: Act
    """``fetch``: read and verify it; ``set-aside``: note that it cannot be a plugin; ``remove``: forget its row."""

    size_bytes: int
    plugin: str | None = None
    problem: str = ""
    is_known: bool = False
    """Whether an earlier sync saw it, with other content or in another project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one object."""

    key: str
    result: Result
    """``verified`` and ``refused`` are verdicts on new content; ``problem`` means that there could be none."""

    plugin: str | None = None
    version: int | None = None
    code: str = ""
    problem: str = ""
    is_switched: bool = False
    """Whether the version became the plugin's current one by that."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one sync found and did."""

    outcomes: tuple[Outcome, ...]

    def __str__(self) -> str:
        return (
            f"{self.found} found, {self.changed} changed ({self.refused} refused), "
            f"{self.unchanged} unchanged, {self.removed} removed"
        )

    @property
    def found(self) -> int:
        """Objects that lie in storage."""
        return len(self.outcomes) - self.removed

    @property
    def changed(self) -> int:
        """Objects with new content, whatever came of it."""
        return self.found - self.unchanged

    @property
    def unchanged(self) -> int:
        """Objects that are as they were."""
        return self._count("unchanged")

    @property
    def refused(self) -> int:
        """Objects with new content that is no plugin which can run here."""
        return self._count("refused") + self._count("problem")

    @property
    def removed(self) -> int:
        """Objects that are gone; their plugins stay as they are."""
        return self._count("removed")

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        counts = {name: getattr(self, name) for name in ("found", "changed", "unchanged", "refused", "removed")}
        return {**counts, "objects": [asdict(outcome) for outcome in self.outcomes]}

    def _count(self, result: Result) -> int:
        return Counter(outcome.result for outcome in self.outcomes)[result]
