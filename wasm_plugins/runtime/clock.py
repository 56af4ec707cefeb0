"""Gives a store its time: until its call's deadline, or until somebody stops the call.

Who stops a call is another thread, and a store must be touched by its own only. So a store whose call may be stopped
has short turns, and at the end of each it asks, on its own thread, whether it may go on. A store whose call nobody can
stop has one turn, and no Python runs in it.
"""

from __future__ import annotations

import ctypes
import time
from typing import Any, Final

import wasmtime

from . import native
from .engine import get_runtime
from .entrance import entrance
from .state import CallState, current, keep_failure
from .stopping import LOOK_S


def give_time(store: wasmtime.Store, state: CallState) -> None:
    """Let what runs in a store run for as long as its call may."""
    ticker = get_runtime().ticker
    if state.stop is None:
        store.set_epoch_deadline(ticker.ticks_until(state.deadline_at))
        return
    store.set_epoch_deadline(_next_turn(state))
    native.epoch_callback(ctypes.cast(store.ptr(), ctypes.c_void_p), _on_turn, None, None)


def _next_turn(state: CallState) -> int:
    """Return how many ticks from now a store asks again."""
    return get_runtime().ticker.ticks_until(min(state.deadline_at, time.monotonic() + LOOK_S))


def _unwind(failure: BaseException) -> int:
    """Keep why the call ends, and return the address of an error that makes wasm unwind."""
    keep_failure(failure)
    error: int = native.error_new(b"the call is over")
    return error


@entrance
def _turn_over(_context: int, _data: int, delta: Any, _kind: Any) -> int:
    try:
        try:
            state = current()
            state.check_deadline()
            delta[0] = _next_turn(state)  # what kind of answer it is stays as it is: go on
            return 0
        except BaseException as failure:  # whatever it is, it must not cross
            return _unwind(failure)
    except BaseException as failure:  # a signal, while the one before was being kept
        return _unwind(failure)


_on_turn: Final = ctypes.CFUNCTYPE(
    ctypes.c_void_p,  # error, or nothing
    ctypes.c_void_p,  # context
    ctypes.c_void_p,  # our data, of which there is none
    ctypes.POINTER(ctypes.c_uint64),  # ticks from now to the next look
    ctypes.POINTER(ctypes.c_uint8),  # what to do, 0 at first: go on
)(_turn_over)
