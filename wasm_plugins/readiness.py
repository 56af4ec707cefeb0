"""Whether this process can serve, and what it lacks: storage that does not answer degrades it, and stops nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal

from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from . import components
from .conf import conf
from .exceptions import PluginError
from .models import Plugin, SyncState
from .registry import find_snapshot
from .states import PluginState, state_of
from .trust import load_keys

Status = Literal["ok", "degraded", "unavailable"]

_MISSED_INTERVALS: Final = 3
_LEAST_S: Final = 60
_AT_REST: Final = (PluginState.RUNNING, PluginState.OFF)


class _LastLook:
    """What the last look of this process into storage said."""

    problem = ""
    listing_since: float | None = None
    """Since when, on ``time.monotonic()``'s clock, storage has been asked what lies there, while it has not said."""

    @contextmanager
    def listing(self) -> Iterator[None]:
        """Note that storage is asked while the block runs: one that answers byte by byte raises no error."""
        self.listing_since = time.monotonic()
        try:
            yield
        finally:
            self.listing_since = None


last_look: Final = _LastLook()


@dataclass(frozen=True, slots=True)
class Readiness:
    """How this process stands."""

    status: Status
    """``ok``; ``degraded``: it serves what it knows, but something is missing; ``unavailable``: it cannot serve."""

    problems: tuple[str, ...] = ()
    """What is missing, for staff: texts may name addresses and folders."""

    plugins: Mapping[str, str] = field(default_factory=dict)
    """State by plugin."""

    def as_json(self, *, is_for_staff: bool) -> dict[str, Any]:
        """Return plain values; whoever is no staff learns the status alone."""
        if not is_for_staff:
            return {"status": self.status}
        return {"status": self.status, "problems": list(self.problems), "plugins": dict(self.plugins)}


def readiness() -> Readiness:
    """Look at the database, the last look into storage, the folder of compiled code and every plugin's state.

    Blocks for a few queries; asks neither storage nor any plugin.
    """
    try:
        find_snapshot()
        states = _states()
        problems = tuple(_problems())
    except (DatabaseError, InterfaceError) as error:
        return Readiness("unavailable", (f"the database does not answer: {error}"[:300],))
    is_at_rest = all(state in _AT_REST for state in states.values())
    status: Status = "ok" if is_at_rest and not problems else "degraded"
    return Readiness(status, problems, {name: state.value for name, state in states.items()})


def _states() -> dict[str, PluginState]:
    keys = load_keys()
    rows = Plugin.objects.select_related("current_version").prefetch_related("grants")
    return {row.name: state_of(row, keys) for row in rows if row.is_enabled}


def _problems() -> Iterator[str]:
    since = last_look.listing_since
    if last_look.problem:
        yield last_look.problem
    elif since is not None and time.monotonic() - since > 2 * conf.STORAGE_SILENCE_S:
        yield f"storage has not said for {time.monotonic() - since:.0f} seconds what lies there"
    elif (silent_s := _silent_s()) > max(_MISSED_INTERVALS * conf.SYNC_INTERVAL_S, _LEAST_S):
        yield f"nobody could look into storage for {silent_s:.0f} seconds"
    try:
        cache = components.compiled_cache()
    except PluginError as error:
        yield error.message
    else:
        if cache.problem:
            yield cache.problem


def _silent_s() -> float:
    """Return for how long the fleet has begun to look into storage without ever coming to an end, in seconds."""
    state = SyncState.objects.filter(pk=1).first()
    if conf.SYNC_INTERVAL_S <= 0 or state is None or state.last_started_at is None:
        return 0
    finished = state.last_finished_at or state.last_started_at - timedelta(seconds=conf.SYNC_INTERVAL_S)
    return (timezone.now() - finished).total_seconds() if finished < state.last_started_at else 0
