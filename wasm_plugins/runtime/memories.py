"""Holds the memory of a whole call to one limit, although wasmtime only limits each linear memory by itself.

How many memories a component has is written in it and never changes, but wasmtime's C API does not tell. So the first
call starts it in stores that allow one memory, two, and so on until it starts, and every call gives each memory an
equal share of the limit. Nothing that the component may do in its start functions reaches anybody: it is nobody's
call, and its log is thrown away.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import wasmtime

from . import native
from .clock import give_time
from .engine import get_runtime
from .failures import call_error
from .limits import Limits
from .linker import LinkedComponent
from .log import CallLog
from .state import CallState, enter, leave, open_calls

_TOO_MANY: Final = re.compile(r"resource limit exceeded: memory count too high at \d+\s*\Z")


def limit_store(store: wasmtime.Store, limits: Limits, memories: int) -> None:
    """Set all five limits of a store: each alone can be got around through another."""
    store.set_limits(
        memory_size=limits.memory_bytes // max(1, memories),
        table_elements=limits.table_elements,
        instances=limits.instances,
        tables=limits.tables,
        memories=min(memories, limits.memories),
    )


def count_memories(linked: LinkedComponent, state: CallState) -> int:
    """Return how many memories a component has; at least as many as the call may have, if it has too many.

    Blocks for as long as the component's start takes, at its first call in this process, and within that call's time.

    Raises:
        CallError: The component does not start within the call's limits.
        BaseException: Whatever a host function raised that the component called at its start.
    """
    if linked.memories is None:
        for memories in range(1, state.limits.memories + 1):
            if _starts_with(linked, state, memories):
                linked.memories = memories
                break
        else:
            return state.limits.memories
    return linked.memories


def _starts_with(linked: LinkedComponent, state: CallState, memories: int) -> bool:
    limits = replace(state.limits, depth=state.limits.depth + 1)
    runtime, depth = get_runtime(), open_calls()
    trial = enter(state.export, limits, None, CallLog(0))
    store = wasmtime.Store(runtime.engine)
    try:
        limit_store(store, limits, memories)
        give_time(store, trial)
        linked.linker.instantiate(store, linked.component.native)
        return True
    except wasmtime.WasmtimeError as error:
        text, failure = str(error), trial.failure
    finally:
        native.store_delete(store._consume())
        leave(depth)
    if failure is None and _TOO_MANY.search(text):
        return False
    raise failure or call_error(text, export=state.export, limits=state.limits, memories=memories)
