"""Where the parts of a value lie in the memory that wasmtime's C API reads and writes.

The structures are those of ``wasmtime/component/val.h``, which is part of wasmtime's stable C API: a value is 32 bytes,
its kind at offset 0 and its payload at offset 8. We read and write them directly because the stock binding asks for
types anew at every call, leaks a box for every lifted ``result``, and returns ``result`` untagged.
"""

from __future__ import annotations

import ctypes
import struct
from typing import Final

from wasmtime import _ffi as ffi

VALUE_BYTES: Final = 32
"""What an item of a list weighs beside its text; a ``list<u8>`` weighs a byte for each, as a text does."""
PAYLOAD: Final = 8
RECORD_ENTRY_BYTES: Final = 48
"""A record's field: its name (size and pointer, 16 bytes) and its value."""
NAME_BYTES: Final = 16

KIND_BOOL: Final = ffi.WASMTIME_COMPONENT_BOOL.value
KIND_STRING: Final = ffi.WASMTIME_COMPONENT_STRING.value
KIND_CHAR: Final = ffi.WASMTIME_COMPONENT_CHAR.value
KIND_LIST: Final = ffi.WASMTIME_COMPONENT_LIST.value
KIND_RECORD: Final = ffi.WASMTIME_COMPONENT_RECORD.value
KIND_TUPLE: Final = ffi.WASMTIME_COMPONENT_TUPLE.value
KIND_VARIANT: Final = ffi.WASMTIME_COMPONENT_VARIANT.value
KIND_ENUM: Final = ffi.WASMTIME_COMPONENT_ENUM.value
KIND_OPTION: Final = ffi.WASMTIME_COMPONENT_OPTION.value
KIND_RESULT: Final = ffi.WASMTIME_COMPONENT_RESULT.value
KIND_FLAGS: Final = ffi.WASMTIME_COMPONENT_FLAGS.value
KIND_RESOURCE: Final = ffi.WASMTIME_COMPONENT_RESOURCE.value

NUMBERS: Final[dict[str, tuple[int, str]]] = {
    "s8": (ffi.WASMTIME_COMPONENT_S8.value, "b"),
    "u8": (ffi.WASMTIME_COMPONENT_U8.value, "B"),
    "s16": (ffi.WASMTIME_COMPONENT_S16.value, "h"),
    "u16": (ffi.WASMTIME_COMPONENT_U16.value, "H"),
    "s32": (ffi.WASMTIME_COMPONENT_S32.value, "i"),
    "u32": (ffi.WASMTIME_COMPONENT_U32.value, "I"),
    "s64": (ffi.WASMTIME_COMPONENT_S64.value, "q"),
    "u64": (ffi.WASMTIME_COMPONENT_U64.value, "Q"),
    "f32": (ffi.WASMTIME_COMPONENT_F32.value, "f"),
    "f64": (ffi.WASMTIME_COMPONENT_F64.value, "d"),
}
"""For each number type its kind and the letter that the ``struct`` module has for it."""

SPAN: Final = struct.Struct("=QQ")
"""A vector of the C API: its length, then the address of its first element."""
POINTER: Final = struct.Struct("=Q")

Value = ffi.wasmtime_component_val_t
"""The structure itself; ``Value * n`` is memory for ``n`` values, all of them ``bool false`` while it is zero."""


def check_layout() -> None:
    """Refuse to run on a wasmtime whose structures are not the ones written down here.

    Raises:
        RuntimeError: The installed wasmtime lays its values out otherwise.
    """
    value = ffi.wasmtime_component_val_t
    seen = (ctypes.sizeof(value), value.of.offset, ctypes.sizeof(ffi.wasmtime_component_valrecord_entry_t))
    if seen != (VALUE_BYTES, PAYLOAD, RECORD_ENTRY_BYTES):
        raise RuntimeError(
            f"this wasmtime lays out component values as {seen}, not as "
            f"{(VALUE_BYTES, PAYLOAD, RECORD_ENTRY_BYTES)}: install a supported version"
        )
