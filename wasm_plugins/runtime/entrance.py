"""The way from wasm into Python, on which no exception can slip past the ``try`` that waits for it.

A signal that comes while wasm runs stays pending until Python runs next, and CPython raises it at the very beginning
of the next function, before the function's first statement and so outside of any ``try`` in it. For a function that
wasm calls that would be the crash of the process (measured: RQ's job timeout while a plugin loops, then a host call).
The check at the beginning is an argument of the function's first instruction, which also begins a resumed ``await``,
where CPython leaves the check out; so it is left out here too, and comes with the next call, inside the ``try``.
"""

from __future__ import annotations

import dis
from types import FunctionType
from typing import Final, TypeVar, cast

_ENTRY: Final = "RESUME"
_WITHOUT_CHECK: Final = 2
"""Argument of ``RESUME`` after ``yield from``; below 2 it looks for signals (CPython 3.11 to 3.14, ``bytecodes.c``)."""

_Function = TypeVar("_Function")


def entrance(function: _Function) -> _Function:
    """Let a function of plain statements begin without looking for signals; for callbacks of wasm only.

    Its whole body must be a ``try``. Where the interpreter is not CPython it is left as it is.
    """
    target = cast(FunctionType, function)
    code = bytearray(target.__code__.co_code)
    first = next((each for each in dis.get_instructions(target) if each.opname == _ENTRY), None)
    if first is not None:
        code[first.offset + 1] = _WITHOUT_CHECK
        target.__code__ = target.__code__.replace(co_code=bytes(code))
    return function
