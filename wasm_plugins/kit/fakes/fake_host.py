"""What a fake host knows of one call, and what it remembers of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wasm_plugins.runtime.log import CallLog
from wasm_plugins.runtime.state import CallState
from wasm_plugins.scopes.buckets import DEFAULT_BUCKET

if TYPE_CHECKING:
    from .database import Database

MOST_SHOWN: Final = 1_000
"""Host calls that are remembered of one call."""


@dataclass(frozen=True, slots=True)
class HostCall:
    """One call of a host function by the plugin."""

    function: str
    """Interface and function, for example ``wasi:config/store#get``."""

    args: tuple[Any, ...]
    answer: str
    """What the plugin got, in short."""


@dataclass(slots=True, kw_only=True)
class FakeHost:
    """One call, as seen by the fake host."""

    config: Mapping[str, str] = field(default_factory=dict)
    """The plugin's settings and secrets."""

    buckets: frozenset[str] = frozenset({DEFAULT_BUCKET})
    """Which buckets of its store the plugin may open."""

    values: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """What it keeps, by bucket and key; nobody takes it back when the call fails."""

    username: str = ""
    """Who calls; empty: nobody is logged in."""

    permissions: frozenset[str] = frozenset()
    """What that user may do, by Django permission."""

    database: Database | None = None
    """The database ``default``, or ``None``: every statement is answered with an error that says so."""

    idempotency_key: str = ""
    """Of the run, in a task; empty in a hook or a route that is answered at once."""

    progress: list[tuple[int, str]] = field(default_factory=list)
    """What a task reported: percent and message."""

    calls: list[HostCall] = field(default_factory=list)
    """What the plugin asked for, in order; the first ones, if they are many."""

    @property
    def is_task(self) -> bool:
        """Whether the call is a run of a task."""
        return bool(self.idempotency_key)

    def remember(self, function: str, args: tuple[Any, ...], answer: str) -> None:
        """Keep what the plugin asked for."""
        if len(self.calls) < MOST_SHOWN:
            self.calls.append(HostCall(function, args, answer))

    def end(self, log: CallLog) -> None:
        """Say what the plugin left open, and drop its database."""
        if self.database is not None:
            for _ in range(self.database.left_open):
                log.write("warn", "a transaction was left open on default: it was rolled back")
            self.database.close()

    @property
    def claims(self) -> dict[str, Any]:
        """What a handler is told of the user, with the keys that the real host has."""
        known = bool(self.username)
        return {
            "sub": "1" if known else None,
            "username": self.username,
            "is_authenticated": known,
            "is_staff": False,
            "is_superuser": False,
        }


def host_of(state: CallState) -> FakeHost:
    """Return the fake host of a call."""
    assert isinstance(state.host, FakeHost)
    return state.host
