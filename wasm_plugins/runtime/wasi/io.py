"""``wasi:io/poll`` and ``wasi:io/error``: a plugin waits for nothing longer than until its deadline."""

from __future__ import annotations

import time
from typing import Final

from ...exceptions import LimitExceeded, PluginTrapped
from ..handles import MOST_HANDLES, HostResource
from ..linker import HostFunction, HostInterface
from ..state import CallState
from ..stopping import LOOK_S
from ..wit import BOOL, STRING, U32, ListOf
from .resources import BORROW, RESOURCES, answer, expect, method, signature


class Pollable(HostResource):
    """Something to wait for: a moment of the monotonic clock, or what is there already."""

    resource = RESOURCES["pollable"]

    def __init__(self, ready_at_ns: int = 0) -> None:
        """Be ready from a moment of ``time.monotonic_ns()`` on."""
        self._ready_at_ns: Final = ready_at_ns

    @property
    def ready_at_ns(self) -> int:
        """The moment of ``time.monotonic_ns()``."""
        return self._ready_at_ns

    @property
    def is_ready(self) -> bool:
        """Whether there is nothing to wait for any more."""
        return time.monotonic_ns() >= self.ready_at_ns


def _wait(state: CallState, until_ns: int) -> None:
    """Sleep until a moment of ``time.monotonic_ns()``, or until the call's time is over, or somebody stops it.

    Raises:
        CallStopped: Somebody did.
        DeadlineExceeded: The call's time was over first.
    """
    last_ns = min(until_ns, int(state.deadline_at * 1_000_000_000) + 1)
    while (now_ns := time.monotonic_ns()) < until_ns:
        state.check_deadline()
        left_s = max(0, last_ns - now_ns) / 1_000_000_000
        time.sleep(left_s if state.stop is None else min(left_s, LOOK_S))


def _block(state: CallState, pollable: Pollable) -> None:
    _wait(state, pollable.ready_at_ns)


def _ready(_state: CallState, pollable: Pollable) -> bool:
    return pollable.is_ready


def _poll(state: CallState, things: list[HostResource]) -> list[int]:
    if not things:
        raise PluginTrapped(f"{state.export} polled an empty list", export=state.export)
    if len(things) > MOST_HANDLES:
        raise LimitExceeded(
            f"{state.export} polled {len(things)} handles; the limit handles is {MOST_HANDLES}",
            export=state.export,
            limit="handles",
        )
    pollables = [expect(state, thing, Pollable) for thing in things]
    _wait(state, min(pollable.ready_at_ns for pollable in pollables))
    return [index for index, pollable in enumerate(pollables) if pollable.is_ready]


INTERFACES: Final = (
    HostInterface(
        "wasi:io/poll",
        {
            "poll": HostFunction(_poll, signature(ListOf(U32), pollables=ListOf(BORROW))),
            "[method]pollable.block": method(Pollable, _block, signature(self=BORROW)),
            "[method]pollable.ready": method(Pollable, _ready, signature(BOOL, self=BORROW)),
        },
        RESOURCES,
    ),
    HostInterface(
        "wasi:io/error",
        {"[method]error.to-debug-string": HostFunction(answer(""), signature(STRING, self=BORROW))},
        RESOURCES,
    ),
)
