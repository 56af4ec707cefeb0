"""What a fake host knows of one call, and what it remembers of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wasm_plugins.exceptions import AnswerRefused
from wasm_plugins.runtime.log import CallLog
from wasm_plugins.runtime.state import CallState
from wasm_plugins.scopes.buckets import DEFAULT_BUCKET
from wasm_plugins.scopes.hosts import HttpGrant

from .recordings import Recording, SentRequest

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
    """The plugin's settings."""

    secrets: Mapping[str, str] = field(default_factory=dict)
    """Its secrets; one of the same name as a setting wins. Once read, they are stars in the log."""

    buckets: frozenset[str] = frozenset({DEFAULT_BUCKET})
    """Which buckets of its store the plugin may open."""

    values: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """What it keeps, by bucket and key; part of the call's transaction."""

    username: str = ""
    """Who calls; empty: nobody is logged in."""

    user_id: str = "1"
    """That user's primary key, as ``claims`` have it."""

    permissions: frozenset[str] = frozenset()
    """What that user may do, by Django permission."""

    is_staff: bool = False
    is_superuser: bool = False

    database: Database | None = None
    """The database ``default``, or ``None``: every statement is answered with an error that says so."""

    forgets: bool = False
    """Whether the call's transaction is undone in any case."""

    owns_transaction: bool = False
    """Whether the call's transaction is its own, as for a route and a task, or its caller's, as for a hook."""

    http: HttpGrant = field(default_factory=HttpGrant)
    """Where ``plugin.toml`` wants to send requests to; taken for granted."""

    recordings: Sequence[Recording] = ()
    """What requests are answered with: the first one that matches counts."""

    sent: list[SentRequest] = field(default_factory=list)
    """The requests that the plugin wanted to send, in order; the first ones, if they are many."""

    attempt: int = 1
    """Which attempt of its run the call is, in a task."""

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

    def remember_sent(self, request: SentRequest) -> None:
        """Keep a request that the plugin wanted to send."""
        if len(self.sent) < MOST_SHOWN:
            self.sent.append(request)

    @contextmanager
    def transaction(self, export: str, log: CallLog) -> Iterator[None]:
        """Run the block as the call's transaction: what it wrote stays, or is undone when the block raises.

        Raises:
            AnswerRefused: What the plugin left breaks a constraint of the database.
        """
        with self._keeping_values(), self._database_transaction(export, log):
            yield

    @contextmanager
    def _keeping_values(self) -> Iterator[None]:
        before = dict(self.values)
        is_kept = False
        try:
            yield
            is_kept = not self.forgets
        finally:
            if not is_kept:
                self.values.clear()
                self.values.update(before)

    @contextmanager
    def _database_transaction(self, export: str, log: CallLog) -> Iterator[None]:
        if self.database is None:
            yield
            return
        left_open: list[str] = []
        try:
            with self.database.call(forgets=self.forgets) as left_open:
                yield
        except sqlite3.IntegrityError as error:
            message = f"{export} left rows that break a constraint of the database"
            raise AnswerRefused(message, export=export) from error
        finally:
            for name in left_open:
                log.write("warn", f"a transaction was left open on {name}: it was rolled back")

    @property
    def holds_nothing(self) -> bool:
        """Whether no lock is held, as on PostgreSQL: in a transaction of the call's own, until it uses a database."""
        return self.owns_transaction and not (self.database is not None and self.database.is_used)

    @property
    def claims(self) -> dict[str, Any]:
        """What a handler is told of the user, with the keys that the real host has."""
        known = bool(self.username)
        return {
            "sub": self.user_id if known else None,
            "username": self.username,
            "is_authenticated": known,
            "is_staff": known and self.is_staff,
            "is_superuser": known and self.is_superuser,
        }


def host_of(state: CallState) -> FakeHost:
    """Return the fake host of a call."""
    assert isinstance(state.host, FakeHost)
    return state.host
