"""What a value is on the other side of the border between Python and wasm, without any wasm there.

A value is written by the writer that writes it for a component and read back by the reader that reads a component's
answer. So it is checked, converted and weighed as in any call.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from . import layout, native
from .lifting import read_at, reader_for
from .limits import MIB, Limits
from .log import CallLog
from .lowering import writer_for
from .state import CallState, current, enter, leave, open_calls, open_stack
from .wit import WitType

_WIDE: Final = 1024 * 1024 * MIB
"""More than any value weighs, in bytes."""


def send(of: WitType, value: object) -> Any:
    """Return what a plugin would get of an argument; it weighs what it weighs on its way there.

    Raises:
        ValueMismatch: The value does not fit the type.
        LimitExceeded: The arguments of the call weigh too much.
    """
    with _place() as at:
        writer_for(of)(value, at)
        with _unweighed():
            return read_at(reader_for(of), at)


def check(of: WitType, value: object) -> None:
    """Refuse a value that no call could pass to a plugin; for where no call is open yet.

    Raises:
        ValueMismatch: The value does not fit the type.
        LimitExceeded: It weighs more than the arguments of a call may.
    """
    depth = open_calls()
    enter("", Limits(), None, CallLog(0))
    try:
        send(of, value)
    finally:
        leave(depth)


def receive(of: WitType, value: object) -> Any:
    """Return what the host would get of an answer; it weighs what it weighs on its way back.

    Raises:
        ValueMismatch: The value does not fit the type.
        LimitExceeded: The answer weighs too much.
    """
    with _place() as at:
        with _unweighed():
            writer_for(of)(value, at)
        return read_at(reader_for(of), at)


@contextmanager
def _place() -> Iterator[int]:
    """Have room for one value, and free whatever was written there."""
    value = layout.Value()
    at = ctypes.addressof(value)
    try:
        yield at
    finally:
        native.value_delete(at)


@contextmanager
def _unweighed() -> Iterator[None]:
    """Weigh nothing on the account of the call: it makes this way once, and we make it there and back."""
    call, stack = current(), open_stack()
    stack.append(_beside(call))
    try:
        yield
    finally:
        stack.pop()


def _beside(call: CallState) -> CallState:
    limits: Limits = replace(call.limits, argument_bytes=_WIDE, result_bytes=_WIDE)
    return CallState(export=call.export, limits=limits, deadline_at=call.deadline_at, log=call.log)
