"""Who competes with whom: one table for each component, one for hooks that nobody answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from . import ours, rivals
from .components import Guest, Missing
from .measure import Rival, Timing, measure
from .report import Table
from .rivals import Echo

PAYLOADS: Final = {"10 bytes": 10, "10 kB": 10_000, "1 MB": 1_000_000}
RAW: Final = "wasmtime-py, fresh store"
SANDBOX: Final = "our sandbox call"
EMPTY_HOOK: Final = "our hook"
EMPTY_SIGNAL: Final = "Django signal"
NOTHING: Final = "no payload"

Note = Callable[[str], None]


def table_of(guest: Guest, aliases: list[str], *, rounds: int, note: Note) -> Table:
    """Measure every way to have one component echo.

    Args:
        guest: The component.
        aliases: The databases to call a hook on.
        rounds: How often everybody has a turn.
        note: Told of a rival that cannot compete, with the reason.
    """
    plugin = ours.install(f"echo-{guest.name}", guest)
    table = Table(f"Echo, {guest.name} component ({len(guest.data):,} bytes)", RAW)
    try:
        with ours.in_transactions(aliases):
            echoes = _echoes(guest, aliases, note)
            for payload, size in PAYLOADS.items():
                text = "x" * size
                competing = [Rival(name, partial(echo, text), text) for name, echo in echoes.items()]
                for name, timing in measure(competing, rounds=rounds).items():
                    table.rows.setdefault(name, {})[payload] = timing
    finally:
        ours.remove(plugin)
    return table


def _echoes(guest: Guest, aliases: list[str], note: Note) -> dict[str, Echo]:
    raw = rivals.RawWasmtime(guest)
    found = {
        RAW: raw.fresh,
        "wasmtime-py, warm instance": raw.warm(),
        SANDBOX: ours.in_sandbox(guest),
        **{f"our hook call, {_database(alias)}": ours.as_hook(alias) for alias in aliases},
    }
    if guest.name == "small":
        try:
            found["Extism Python SDK, warm"] = rivals.extism_warm()
        except Missing as reason:
            note(f"Extism: {reason}")
        found["Django signal, one receiver (no sandbox)"] = rivals.signal_with_receiver()
    return found


def _database(alias: str) -> str:
    return "PostgreSQL" if alias == "postgresql" else "SQLite"


def table_of_nobody(*, rounds: int) -> Table:
    """Measure a hook that nobody answers beside a signal that nobody receives."""
    competing = [
        Rival(EMPTY_SIGNAL, rivals.signal_without_receivers(), []),
        Rival(EMPTY_HOOK, ours.empty_hook(), []),
    ]
    timings: dict[str, Timing] = measure(competing, rounds=rounds)
    return Table("Nobody answers", EMPTY_SIGNAL, {name: {NOTHING: timing} for name, timing in timings.items()})
