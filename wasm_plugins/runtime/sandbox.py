"""One call of a plugin: a fresh store with its limits and deadline, an answer or an error, and nothing left behind."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import wasmtime
from wasmtime import component

from ..exceptions import LinkError, PluginFailed
from . import layout, lifting, lowering, native
from .clock import give_time
from .engine import get_runtime
from .failures import call_error
from .limits import Limits
from .linker import LinkedComponent
from .log import CallLog
from .memories import count_memories, limit_store
from .stand_in import Callee, StandIn
from .state import CallState, enter, leave, open_stack
from .values import CountMismatch, Err, Ok
from .wit import Func, ResultOf

DETAIL_CHARS: Final = 8_192
"""How much of an ``err``'s text is kept: it goes into exceptions, records and answers."""


def call(
    linked: Callee,
    export: str,
    args: Sequence[object] = (),
    *,
    interface: str | None = None,
    limits: Limits | None = None,
    host: object = None,
    log: CallLog | None = None,
) -> Any:
    """Run one export in a fresh store and return what it answered.

    Blocks the calling thread for at most about ``limits.deadline_ms``; a host function that is already running is not
    cut short, but the next one is refused. The store is closed before this returns. The first call of a component
    starts it once more, to see how many memories it has.

    Args:
        linked: The component with its imports, or what stands in for it.
        export: The function as WIT spells it, for example ``order-placed``.
        args: One value for each parameter, as ``values`` describes them.
        interface: The exported instance that the function lies in, or ``None`` for the world itself.
        limits: What the call may spend.
        host: What the host interfaces need to know of this call; handed to them untouched.
        log: Where the plugin's output goes; read it afterwards, also after an error.

    Returns:
        The answer; of a ``result`` the good side.

    Raises:
        PluginFailed: The answer is ``err``.
        PluginTrapped: The plugin crashed; its backtrace is on the exception.
        DeadlineExceeded: The plugin ran longer than allowed.
        CallStopped: Somebody stopped it, in a block of ``stoppable``.
        LimitExceeded: The plugin wanted more than allowed, the arguments or the answer weigh too much, or calls are
            nested too deep.
        LinkError: There is no such export.
        TypeError: The arguments do not fit the export's type.
        BaseException: Whatever a host function raised, as it was raised.
    """
    limits = limits or Limits()
    of = linked.find_export(export, interface)
    if of is None:
        raise LinkError(f"exports no function {export}", missing=export)
    if len(args) != len(of.params):
        raise CountMismatch(f"{export} is {of}: it takes {len(of.params)} arguments, not {len(args)}")
    stack = open_stack()
    depth = len(stack)
    try:
        try:
            state = enter(export, limits, host, log or CallLog(limits.log_bytes, limits.log_lines))
            if isinstance(linked, StandIn):
                answer = linked.answer(export, args, state)
            else:
                with get_runtime().ticker.running():
                    answer = _call_in_new_store(linked, export, interface, of, args, state)
        finally:
            leave(depth)
    finally:
        del stack[depth:]  # no signal comes between these two lines, as one may before the first line of ``leave``
    return _good_side(answer, export, state.log) if isinstance(of.result, ResultOf) else answer


def _good_side(answer: Ok | Err, export: str, log: CallLog) -> Any:
    if isinstance(answer, Err):
        detail = answer.value
        if isinstance(detail, str):
            detail = log.redactor.redact_start(detail, DETAIL_CHARS)  # before it is cut: a part of a secret is one too
        raise PluginFailed(detail, export=export)
    return answer.value


def _call_in_new_store(
    linked: LinkedComponent,
    export: str,
    interface: str | None,
    of: Func,
    args: Sequence[object],
    state: CallState,
) -> Any:
    runtime = get_runtime()
    store = wasmtime.Store(runtime.engine)
    try:
        memories = count_memories(linked, state)
        limit_store(store, state.limits, memories)
        give_time(store, state)
        instance = linked.linker.instantiate(store, linked.component.native)
        function = instance.get_func(store, linked.component.export_index(export, interface))
        assert function is not None
        return _invoke(store, function, of, args, state)
    except wasmtime.WasmtimeError as error:
        failure = state.failure or call_error(
            str(error), export=export, limits=state.limits, memories=linked.memories or 1
        )
    finally:
        _close(store)
    raise failure  # out here, so that it keeps the cause and context that the host gave it


def _close(store: wasmtime.Store) -> None:
    """Delete a store once; the binding's ``close`` does it twice, and crashes, when a signal interrupts it."""
    native.store_delete(store._consume())


@lru_cache(maxsize=1_024)  # plugins choose the types
def _codec(of: Func) -> tuple[tuple[lowering.Writer, ...], lifting.Reader | None]:
    writers = tuple(lowering.writer_for(param) for _, param in of.params)
    return writers, None if of.result is None else lifting.reader_for(of.result)


def _invoke(store: wasmtime.Store, function: component.Func, of: Func, args: Sequence[object], state: CallState) -> Any:
    """Lower, call, lift, and free both sides whole."""
    writers, reader = _codec(of)
    size = len(args)
    values = (layout.Value * (size + 1))()  # the arguments, then the answer
    base = ctypes.addressof(values)
    result = base + size * layout.VALUE_BYTES
    try:
        for index, writer in enumerate(writers):
            writer(args[index], base + index * layout.VALUE_BYTES)
        native.raise_if(
            native.function_call(
                ctypes.addressof(function._func), store._context(), base, size, result, reader is not None
            )
        )
        state.crossing = "result_bytes"
        return None if reader is None else lifting.read_at(reader, result)
    finally:
        for index in range(size + 1):
            native.value_delete(base + index * layout.VALUE_BYTES)
