"""Tells whoever asks what a call spent, also when the call failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

Used = Mapping[str, tuple[int, int]]
"""What was spent and what may be spent, by name of the limit."""


@dataclass(slots=True)
class Usage:
    """What the last call of a block spent; empty before one has ended."""

    used: Used = field(default_factory=dict)


_asking: Final[ContextVar[Usage | None]] = ContextVar("wasm_plugins_usage", default=None)


@contextmanager
def collect_usage() -> Iterator[Usage]:
    """Collect what the calls of a block spend; of calls inside one another, the outermost ends last and counts."""
    usage = Usage()
    token = _asking.set(usage)
    try:
        yield usage
    finally:
        _asking.reset(token)


def report_usage(used: Callable[[], Used]) -> None:
    """Say what a call that ends has spent, if anybody asks."""
    if (usage := _asking.get()) is not None:
        usage.used = used()
