"""What was measured, as tables for people and as JSON for machines."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .coldstart import ColdStart
from .measure import Timing

if TYPE_CHECKING:
    from .overhead import Overhead  # which need Django set up
    from .statements import Statement

PACKAGES = ("wasmtime", "django", "extism", "extism-sys", "psycopg", "componentize-py")


@dataclass(frozen=True, slots=True)
class Table:
    """One component: rivals by name, each with its timings by payload."""

    title: str
    baseline: str
    rows: dict[str, dict[str, Timing]] = field(default_factory=dict)

    def ratio(self, rival: str, payload: str) -> float:
        """Return how many times the baseline a rival took."""
        return self.rows[rival][payload].ratio(self.rows[self.baseline][payload])


@dataclass(frozen=True, slots=True)
class Promise:
    """A number that this project promises, and what it came out as."""

    text: str
    most: float
    measured: float
    unit: str

    @property
    def verdict(self) -> str:
        """In one word."""
        return "kept" if self.measured <= self.most else "MISSED"


@dataclass(slots=True)
class Report:
    """Everything of one run."""

    tables: list[Table] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Rows that could not be measured, each with the reason."""
    cold_start: ColdStart | None = None
    overhead: Overhead | None = None
    statements: list[Statement] = field(default_factory=list)


def shown(report: Report) -> str:
    """Return the run as text."""
    parts = [_table(table) for table in report.tables]
    if (start := report.cold_start) is not None:
        parts.append(
            "New process, ten Python-sized plugins that all answer, warm cache of compiled code\n"
            f"  start and imports {start.imports_ms:.0f} ms, first hook {start.first_hook_ms:.0f} ms, "
            f"second {start.second_hook_ms:.0f} ms; {start.cpu_ms:.0f} ms of processor time until the first answer"
        )
    if (over := report.overhead) is not None:
        parts.append(
            "A request through all of Django, median and 95 %\n"
            f"  plain view {over.view_p50_ms:.2f} ms and {over.view_p95_ms:.2f} ms, "
            f"route of the small component {over.route_p50_ms:.2f} ms and {over.route_p95_ms:.2f} ms"
        )
    if report.statements:
        head = "A plugin's SQL statement, beside the same one by the host"
        parts.append("\n".join([head, *map(_statement, report.statements)]))
    parts.append("\n".join(["Promises", *map(_promise, report.promises)]))
    if report.missing:
        parts.append("\n".join(["Not measured", *(f"  {reason}" for reason in report.missing)]))
    return "\n\n".join(parts)


def _table(table: Table) -> str:
    payloads = list(next(iter(table.rows.values())))
    head = f"{table.title:<44}" + "".join(f"{payload:>22}" for payload in payloads)
    return "\n".join([head, *(_row(table, rival, payloads) for rival in table.rows)])


def _row(table: Table, rival: str, payloads: Sequence[str]) -> str:
    timings = table.rows[rival]
    cells = (
        f"{_time(timings[payload].median_us):>12} {table.ratio(rival, payload):>8.2f}×"
        if payload in timings
        else f"{'-':>22}"
        for payload in payloads
    )
    return f"  {rival:<42}" + "".join(cells)


def _time(microseconds: float) -> str:
    if microseconds < 1:
        return f"{microseconds * 1000:.0f} ns"
    return f"{microseconds:.1f} µs" if microseconds < 10_000 else f"{microseconds / 1000:.1f} ms"


def _statement(each: Statement) -> str:
    return f"  {each.kind} on {each.database}: {each.more_ms:.2f} ms more than the host's {each.plain_ms:.2f} ms"


def _promise(promise: Promise) -> str:
    figures = f"{promise.measured:,.2f} of at most {promise.most:,.2f} {promise.unit}".rstrip()
    return f"  {promise.verdict:<7}{promise.text}: {figures}"


def write(report: Report, path: Path) -> None:
    """Write the run as JSON, with what it ran on."""
    content = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "tables": [_table_as_json(table) for table in report.tables],
        "cold_start": report.cold_start and asdict(report.cold_start),
        "overhead": report.overhead and asdict(report.overhead),
        "statements": [asdict(each) for each in report.statements],
        "promises": [{**asdict(promise), "verdict": promise.verdict} for promise in report.promises],
        "missing": report.missing,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")


def _table_as_json(table: Table) -> dict[str, Any]:
    return {
        "title": table.title,
        "baseline": table.baseline,
        "rows": {
            rival: {
                payload: {"ratio": table.ratio(rival, payload), "median_us": timing.median_us, **asdict(timing)}
                for payload, timing in timings.items()
            }
            for rival, timings in table.rows.items()
        },
    }


def machine() -> Mapping[str, Any]:
    """Return what the figures depend on."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg(),
        **{package: _version(package) for package in PACKAGES},
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
