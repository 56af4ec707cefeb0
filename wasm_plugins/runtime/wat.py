"""Makes a component of WebAssembly text."""

from __future__ import annotations

import wasmtime

from ..exceptions import CompileError
from .sections import PREAMBLE


def assemble(text: str) -> bytes:
    """Return the binary of a component that is written as text; nothing is compiled or run.

    Args:
        text: One ``(component …)`` in the text format of the component model.

    Raises:
        CompileError: It is no such text; the message says where.
    """
    try:
        data = bytes(wasmtime.wat2wasm(text))
    except wasmtime.WasmtimeError as error:
        raise CompileError(f"is no WebAssembly text: {error}") from None
    if not data.startswith(PREAMBLE):
        raise CompileError("is the text of a core module; a component begins with (component")
    return data
