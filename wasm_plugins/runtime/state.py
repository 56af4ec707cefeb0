"""The state of the calls that are open on this thread."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from ..exceptions import CallStopped, DeadlineExceeded, LimitExceeded
from .handles import Handles
from .limits import Limits
from .log import CallLog
from .stopping import Stop, current_stop
from .usage import Used, report_usage


@dataclass(slots=True, kw_only=True)
class CallState:
    """One open call: what it may still spend, what it wrote, and what went wrong in the host."""

    export: str
    """The export that was called."""

    limits: Limits
    """What the call may spend."""

    deadline_at: float
    """When the call's time is over, on ``time.monotonic()``'s clock."""

    log: CallLog
    """What the plugin wrote so far."""

    host: object = None
    """Whatever the host interfaces need to know of the call: its user, its database. The runtime never looks."""

    spent: dict[str, int] = field(default_factory=dict)
    """What was spent so far of the limits that are counted, by the name that each has in ``Limits``."""

    crossing: str = "argument_bytes"
    """The limit that counts what crosses between Python and wasm just now."""

    started_at: float = field(default_factory=time.monotonic)
    """When the call began, on the same clock as ``deadline_at``."""

    handles: Handles = field(init=False)
    """The host's objects that the component holds."""

    stop: Stop | None = None
    """Where somebody else says that the call is not wanted any more; ``None`` if nobody can."""

    context: int = 0
    """Address of wasmtime's context while a host function runs."""

    failure: BaseException | None = None
    """The first exception of a host function. Once it is there, the call can only end."""

    def __post_init__(self) -> None:
        self.handles = Handles(self.export)

    @property
    def remaining_ms(self) -> int:
        """Milliseconds left of the call's budget, never negative."""
        return max(0, int((self.deadline_at - time.monotonic()) * 1000))

    def check_deadline(self) -> None:
        """Refuse to go on when the time is over, or somebody stopped the call.

        Raises:
            CallStopped: Somebody did.
            DeadlineExceeded: Nothing is left of the budget.
        """
        if self.stop is not None and self.stop.is_asked:
            raise CallStopped(export=self.export)
        if time.monotonic() >= self.deadline_at:
            raise DeadlineExceeded(export=self.export, deadline_ms=self.limits.deadline_ms)

    def spend(self, name: str, amount: int = 1) -> None:
        """Count what is about to be used of a limit; call it before the work, not after.

        Args:
            name: The limit's name in ``Limits``, for example ``sql_statements``.
            amount: How much, in the limit's unit.

        Raises:
            LimitExceeded: It would be more than the limit.
        """
        used = self.spent[name] = self.spent.get(name, 0) + amount
        limit = getattr(self.limits, name)
        if used > limit:
            raise LimitExceeded(
                f"{self.export} used {used} of the limit {name}, which is {limit}", export=self.export, limit=name
            )

    def used(self) -> Used:
        """Return what was spent of each limit that is counted, and the limit."""
        spent = {
            "deadline_ms": int((time.monotonic() - self.started_at) * 1000),
            **self.spent,
            "log_bytes": self.log.spent_bytes,
            "log_lines": len(self.log.lines),
        }
        return {name: (amount, getattr(self.limits, name)) for name, amount in spent.items()}


class _OpenCalls(threading.local):
    def __init__(self) -> None:
        self.stack: list[CallState] = []


_open = _OpenCalls()


def current() -> CallState:
    """Return the innermost call that is open on this thread."""
    return _open.stack[-1]


def count_crossing(size_bytes: int) -> None:
    """Count what is about to cross between Python and wasm, before memory is taken for it.

    Raises:
        LimitExceeded: It is more than the innermost call may move.
    """
    call = _open.stack[-1]
    call.spend(call.crossing, size_bytes)


def keep_failure(failure: BaseException) -> None:
    """Keep what a host function raised, unless the innermost call has failed before."""
    call = current()
    if call.failure is None:
        call.failure = failure


def enter(export: str, limits: Limits, host: object, log: CallLog) -> CallState:
    """Open a call on this thread; a call inside a call has no more time than the one around it.

    Raises:
        LimitExceeded: Too many calls are open inside one another.
    """
    stack = _open.stack
    if len(stack) >= limits.depth:
        raise LimitExceeded(
            f"{export} would be call number {len(stack) + 1} inside one another; the limit depth is {limits.depth}",
            export=export,
            limit="depth",
        )
    deadline_at = time.monotonic() + limits.deadline_ms / 1000
    if stack:
        deadline_at = min(deadline_at, stack[-1].deadline_at)
    state = CallState(export=export, limits=limits, deadline_at=deadline_at, log=log, host=host, stop=current_stop())
    stack.append(state)
    return state


def open_stack() -> list[CallState]:
    """Return the calls that are open on this thread, the innermost last: the list itself."""
    return _open.stack


def open_calls() -> int:
    """Return how many calls are open on this thread."""
    return len(_open.stack)


def leave(depth: int) -> None:
    """Close this thread's calls down to a depth, and their logs with what was written last.

    By depth and not one by one: whatever a signal interrupts, no call stays open for the next one to suffer from.
    """
    stack = _open.stack
    while len(stack) > depth:
        call = stack.pop()
        call.log.flush()
        report_usage(call.used)
