"""Compares the wasmtime that is installed with the upstream advisories that this release knows of."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from .facts import FACTS, core_version, true_facts, wheel_version

_DATA: Final = Path(__file__).with_name("advisories.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One advisory, as ``advisories.toml`` has it."""

    id: str
    """Its GHSA id."""

    cve: str
    severity: str
    title: str
    affected: tuple[tuple[str, str], ...]
    """Half-open ranges of core versions."""

    ruled_out_by: tuple[str, ...]
    """Facts of which any one rules it out."""

    accepted: str
    """Why the project lives with it where nothing rules it out, or an empty text."""

    def is_about(self, core: str) -> bool:
        """Tell whether a core version is affected."""
        return any(_numbers(first) <= _numbers(core) < _numbers(fixed) for first, fixed in self.affected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An advisory that is about the installed core."""

    advisory: Advisory
    ruled_out_by: str
    """The fact that rules it out here, or an empty text: then it applies."""

    @property
    def applies(self) -> bool:
        """Whether nothing about this configuration or machine rules it out."""
        return not self.ruled_out_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is installed, and which advisories are about it."""

    wheel: str
    core: str | None
    """The version inside the library, or ``None`` where it cannot be told; the oldest of its release counts then."""

    checked: str
    """The day on which the list was last compared with upstream."""

    findings: tuple[Finding, ...]

    @property
    def applying(self) -> tuple[Finding, ...]:
        """Those that apply."""
        return tuple(each for each in self.findings if each.applies)

    @property
    def open(self) -> tuple[Finding, ...]:
        """Those that apply and that the project has not accepted with a reason."""
        return tuple(each for each in self.applying if not each.advisory.accepted)

    def problem(self, *, is_strict: bool) -> str:
        """Say how many apply that the project has not accepted, or an empty text if none does.

        Args:
            is_strict: Count those too that were accepted with a reason.
        """
        count = len(self.applying if is_strict else self.open)
        if not count:
            return ""
        return "1 advisory applies" if count == 1 else f"{count} advisories apply"

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        findings = [
            {**asdict(each.advisory), "ruled_out_by": each.ruled_out_by, "applies": each.applies}
            for each in self.findings
        ]
        return {"wheel": self.wheel, "core": self.core, "checked": self.checked, "advisories": findings}

    def lines(self) -> list[str]:
        """Return the same for people."""
        head = f"wasmtime {self.wheel}, its core {self.core or 'unknown'}; advisories as of {self.checked}"
        return [head, *map(_line, self.findings)]


@cache
def known_advisories() -> tuple[str, tuple[Advisory, ...]]:
    """Return the day of the list, and the list.

    Raises:
        ValueError: The list is not as it should be, which a test would have found.
    """
    told = tomllib.loads(_DATA.read_text())
    found = tuple(
        Advisory(
            **{
                **each,
                "affected": tuple(map(tuple, each["affected"])),
                "ruled_out_by": tuple(each["ruled_out_by"]),
            }
        )
        for each in told["advisory"]
    )
    if unknown := {fact for each in found for fact in each.ruled_out_by} - FACTS.keys():
        raise ValueError(f"advisories.toml names unknown facts: {', '.join(sorted(unknown))}")
    return str(told["checked"]), found


def report() -> Report:
    """Compare what is installed with the list; blocks for a fraction of a second."""
    checked, advisories = known_advisories()
    wheel, core = wheel_version(), core_version()
    return Report(wheel=wheel, core=core, checked=checked, findings=_about(core or _oldest(wheel), advisories))


def _about(core: str, advisories: Collection[Advisory]) -> tuple[Finding, ...]:
    facts = true_facts()
    return tuple(
        Finding(advisory=each, ruled_out_by=next((fact for fact in each.ruled_out_by if fact in facts), ""))
        for each in advisories
        if each.is_about(core)
    )


def _oldest(wheel: str) -> str:
    """Return the oldest core that a wheel of this release may hold: nobody knows better, so the worst is assumed."""
    return ".".join([*wheel.split(".")[:2], "0"])


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _line(each: Finding) -> str:
    verdict = f"ruled out: {each.ruled_out_by}" if each.ruled_out_by else "APPLIES"
    if each.applies and each.advisory.accepted:
        verdict = "APPLIES, accepted"
    names = " ".join(filter(None, (each.advisory.id, each.advisory.cve)))
    reason = f"\n    {each.advisory.accepted}" if each.applies and each.advisory.accepted else ""
    severity = f" [{each.advisory.severity}]" if each.advisory.severity else ""
    return f"{names}{severity}: {each.advisory.title} – {verdict}{reason}"
