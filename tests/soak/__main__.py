"""``python -m tests.soak``: let hostile plugins loose on the whole stack, and print how everybody else fared."""

from __future__ import annotations

import argparse
import sys

from project.stack.parts import PartFailed, private_folder
from project.stack.signals import stopping_on_signals
from project.stack.stack import stack
from tests.soak.figures import MIB, Fared
from tests.soak.machine import unsteadiness
from tests.soak.run import SoakReport, growth_bytes, soak

IDLE_SHARE = 0.2
GROWTH_BYTES = 64 * MIB


def main() -> int:
    """Run; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the crowd stays (default: 10)")
    crowded_s = parser.parse_args().minutes * 60
    idle_s = max(20.0, min(120.0, crowded_s * IDLE_SHARE))
    print("how steady the machine is, with nothing of ours running", flush=True)
    p95, slowest = unsteadiness()
    print(f"one computation takes {p95:.1f} times its fastest lap at the 95th percentile, {slowest:.1f} times at most")
    print(f"neighbours alone for {idle_s:.0f} s, then {crowded_s:.0f} s with the crowd", flush=True)
    try:
        with (
            stopping_on_signals(),
            private_folder() as folder,
            stack(folder, _say, tasks_in_idle_time=True) as up,
        ):
            report = soak(up, folder, idle_s=idle_s, crowded_s=crowded_s)
    except PartFailed as error:
        print(f"The stack cannot run. {error}", file=sys.stderr)
        return 1
    _print(report)
    return 0 if all(_promises(report).values()) else 1


def _say(step: str) -> None:
    print(f"starting: {step}", flush=True)


def _print(report: SoakReport) -> None:
    print("\nneighbours               requests  not answered    median       p95   slowest")
    for title, each in (("alone", report.idle), ("beside the crowd", report.crowded)):
        print(title)
        for client in each:
            print(_line(client))
    print("\nwhat the crowd was answered, by status")
    for name, counts in report.hostile.items():
        print(f"  {name:<22}", "  ".join(f"{status}: {count}" for status, count in counts.items()))
    print("\ntask runs")
    for plugin, status, count in sorted(report.runs):
        print(f"  {plugin:<12}{status:<10}{count}")
    low, high = min(report.memory) / MIB, max(report.memory) / MIB
    print(f"\nmemory of all processes from {low:.0f} to {high:.0f} MiB; {report.restarts} processes restarted\n")
    for promise, is_kept in _promises(report).items():
        print("  kept  " if is_kept else "  BROKEN", promise)


def _line(client: Fared) -> str:
    return (
        f"  {client.name:<22}{client.requests:>9}{client.unanswered:>14}"
        f"{client.median_ms:>7.1f} ms{client.p95_ms:>7.1f} ms{client.slowest_ms:>7.1f} ms"
    )


def _promises(report: SoakReport) -> dict[str, bool]:
    idle = {client.name: client.p95_ms for client in report.idle}
    ratios = {
        client.name: (client.p95_ms / idle[client.name], client.slowest_ms / idle[client.name])
        for client in report.crowded
    }
    finished = all(status == "finished" for plugin, status, _ in report.runs if plugin == "good")
    growth = growth_bytes(report.memory)
    return {
        "every request of a neighbour was answered": not any(client.unanswered for client in report.crowded),
        "every task of the good plugin finished": finished,
        "no process of the stack died": report.restarts == 0,
        f"memory is flat: it grew by {growth / MIB:.1f} of at most {GROWTH_BYTES / MIB:.0f} MiB": growth < GROWTH_BYTES,
        **{f"{name}: 95th percentile is {p95:.2f} of at most 2 × idle": p95 <= 2 for name, (p95, _) in ratios.items()},
        **{
            f"{name}: the slowest answer is {slowest:.2f} of at most 2 × the idle 95th percentile": slowest <= 2
            for name, (_, slowest) in ratios.items()
        },
    }


if __name__ == "__main__":
    sys.exit(main())
