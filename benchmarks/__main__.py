"""``python -m benchmarks``: measure everything in one run, print the tables, write the JSON."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from project.stack.parts import PartFailed, private_folder
from project.stack.postgresql import PostgresqlPlan, postgresql

from . import components
from .components import KEPT, Guest, Missing
from .report import Promise, Report, shown, write

RESULT = KEPT / "latest.json"


def main() -> None:
    """Run; a figure that misses its promise is printed as such, and is no failure of the run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=25, help="turns of each rival (default 25)")
    parser.add_argument("--processes", type=int, default=5, help="new processes to time (default 5)")
    arguments = parser.parse_args()
    report = Report()
    with ExitStack() as parts:
        aliases = _start_project(parts.enter_context(private_folder()), parts, report)
        _measure(report, aliases, arguments.rounds, arguments.processes)
    print("\n" + shown(report))
    write(report, RESULT)
    print(f"\nwritten to {RESULT}")


def _start_project(folder: Path, parts: ExitStack, report: Report) -> list[str]:
    """Set Django up on new databases and return their aliases."""
    os.environ["SHOP_DATA"] = str(folder)
    aliases = ["default"]
    plan = PostgresqlPlan()
    try:
        parts.enter_context(postgresql(plan, folder))
        os.environ["SHOP_POSTGRESQL"] = plan.url
        aliases.append("postgresql")
    except PartFailed as reason:
        report.missing.append(f"hook call on PostgreSQL: {reason}")
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    for alias in aliases:
        call_command("migrate", database=alias, verbosity=0)
    parts.callback(connections.close_all)
    return aliases


def _measure(report: Report, aliases: list[str], rounds: int, processes: int) -> None:
    from . import runs

    for build in (components.small, components.quickjs, components.python):
        if (guest := _built(build, report)) is not None:
            print(f"measuring the {guest.name} component", flush=True)
            table = runs.table_of(guest, aliases, rounds=rounds, note=report.missing.append)
            report.tables.append(table)
    print("measuring hooks that nobody answers", flush=True)
    report.tables.append(runs.table_of_nobody(rounds=rounds))
    _measure_overhead(report, rounds)
    _measure_statements(report, aliases, rounds)
    if (guest := _built(components.python, report, is_retry=True)) is not None:
        _measure_cold_start(report, guest, processes)
    _judge(report)


def _measure_overhead(report: Report, rounds: int) -> None:
    from . import overhead

    print("measuring a route beside a view", flush=True)
    found = report.overhead = overhead.measure_overhead(components.small(), rounds=rounds)
    for name, most, more_ms in (
        ("median", overhead.MORE_P50_MS, found.route_p50_ms - found.view_p50_ms),
        ("95 %", overhead.MORE_P95_MS, found.route_p95_ms - found.view_p95_ms),
    ):
        report.promises.append(Promise(f"route, {name}", most, more_ms, "ms more than a view"))


def _measure_statements(report: Report, aliases: list[str], rounds: int) -> None:
    from . import statements

    for alias in aliases:
        for with_role in (False, True) if alias == "postgresql" else (False,):
            print(f"measuring SQL on {alias}{' with a role of its own' if with_role else ''}", flush=True)
            report.statements += statements.measure_statements(alias, rounds=rounds, with_role=with_role)
    for each in report.statements:
        text = f"{each.kind} of a plugin on {each.database}"
        report.promises.append(Promise(text, statements.MOST_MS, each.more_ms, "ms more than the statement"))


def _built(build: Callable[[], Guest], report: Report, *, is_retry: bool = False) -> Guest | None:
    if not is_retry:
        print(f"building the {build.__name__} component, if it is not there", flush=True)
    try:
        return build()
    except Missing as reason:
        report.missing.append(f"{'cold start' if is_retry else build.__name__ + ' component'}: {reason}")
        return None


def _measure_cold_start(report: Report, guest: Guest, processes: int) -> None:
    from . import coldstart, ours

    for copy in coldstart.copies(guest):
        print(f"compiling {copy.name}, if this machine never did", flush=True)
        ours.install(copy.name, copy)
        ours.compile_ahead(copy)
    print("starting new processes", flush=True)
    report.cold_start = coldstart.measure_cold_start(processes)


def _judge(report: Report) -> None:
    from . import runs

    small, nobody = report.tables[0], report.tables[-1]
    for payload in runs.PAYLOADS:
        ratio = small.ratio(runs.SANDBOX, payload)
        report.promises.append(Promise(f"sandbox call, small component, {payload}", 1.5, ratio, "× wasmtime-py fresh"))
    ratio = nobody.ratio(runs.EMPTY_HOOK, runs.NOTHING)
    report.promises.append(Promise("hook that nobody answers", 2.0, ratio, "× Django signal without receivers"))
    if (start := report.cold_start) is not None:
        report.promises.append(Promise("first hook of a new process", 1000.0, start.first_hook_ms, "ms"))
        report.promises.append(Promise("the same with start and imports", 1000.0, start.total_ms, "ms"))


if __name__ == "__main__":
    main()
