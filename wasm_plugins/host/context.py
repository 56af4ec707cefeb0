"""What the host interfaces know of the call they serve; the plugin can say none of it itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..runtime.state import CallState
from .configuration import Configuration
from .session import Session

Report = Callable[[int, str], None]
"""Takes a task's progress in percent and a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """The run that a call is an attempt of."""

    idempotency_key: str
    """The same in all attempts of the run."""

    attempt: int
    """1 for the first."""


@dataclass(slots=True, kw_only=True)
class CallContext:
    """One call, as seen by the host."""

    plugin: str
    """The plugin that is called."""

    version: int
    """Its version number."""

    plugin_id: int = 0
    """Its primary key, by which its own rows are found; 0 and less is one without rows, which a test made up."""

    grants: Mapping[str, Any]
    """What it was granted: scope by capability."""

    user: Any
    """Who really called: a Django user, ``AnonymousUser``, or ``None`` where nobody did."""

    session: Session
    """Its transactions."""

    configuration: Configuration
    """Its plugin's settings and secrets."""

    report: Report | None = None
    """Where progress goes, in a task."""

    run: RunFacts | None = None
    """Which run it is, in a task that was queued."""


def context_of(state: CallState) -> CallContext:
    """Return the context of a call that the manager opened."""
    assert isinstance(state.host, CallContext)
    return state.host
