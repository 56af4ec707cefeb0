"""Reads values that a component sent: one small reader for each WIT type, made once and kept.

A reader takes the bytes of a block of values and an offset into it. It copies everything and frees nothing: whoever
owns the top-level value frees the whole tree at once, so nothing leaks and nothing is freed twice.

Each vector is counted against a limit of the call before a byte of it is copied, so that a plugin cannot fill the
memory of Python or keep it busy: a list can be a thousand times as large here as in the plugin.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from ctypes import string_at
from functools import lru_cache
from typing import Any

from . import layout, wit
from .handles import HostResource
from .state import count_crossing, current
from .values import Err, Ok, Some, Variant, is_nested_option

Reader = Callable[[bytes, int], Any]
HandleReader = Callable[[int], Any]


def read_at(reader: Reader, address: int) -> Any:
    """Lift the value at an address."""
    return reader(string_at(address, layout.VALUE_BYTES), 0)


@lru_cache(maxsize=1_024)  # plugins choose the types
def reader_for(of: wit.WitType) -> Reader:
    """Return the reader of a type.

    Raises:
        TypeError: The type belongs to a proposal that is off.
    """
    match of:
        case wit.Primitive(name):
            return _primitive(name)
        case wit.ListOf(element):
            return _bytes if element == wit.U8 else _list(reader_for(element))
        case wit.TupleOf(types):
            return _tuple(tuple(map(reader_for, types)))
        case wit.RecordOf(fields):
            return _record(tuple((name, reader_for(field)) for name, field in fields))
        case wit.OptionOf(some):
            return _option(reader_for(some), nested=is_nested_option(of))
        case wit.ResultOf(ok, err):
            return _result(_payload(ok), _payload(err))
        case wit.VariantOf(cases):
            return _variant({name: _payload(payload) for name, payload in cases})
        case wit.EnumOf():
            return _name
        case wit.FlagsOf():
            return _flags
        case wit.Handle():
            return _handle
    raise TypeError(f"{of} cannot cross between this host and a plugin")


def _primitive(name: str) -> Reader:
    match name:
        case "string":
            return _name
        case "bool":
            return lambda block, at: block[at + layout.PAYLOAD] != 0
        case "char":
            number = struct.Struct("=I").unpack_from
            return lambda block, at: chr(number(block, at + layout.PAYLOAD)[0])
    unpack = struct.Struct("=" + layout.NUMBERS[name][1]).unpack_from
    return lambda block, at: unpack(block, at + layout.PAYLOAD)[0]


def _span(block: bytes, at: int, item_bytes: int) -> bytes:
    """Copy the items of a vector whose length and address lie in a value.

    Raises:
        LimitExceeded: They are more than the call may still move.
    """
    size, address = layout.SPAN.unpack_from(block, at)
    if not size:
        return b""
    count_crossing(size * item_bytes)
    return string_at(address, size * item_bytes)


def _name(block: bytes, at: int) -> str:
    return _span(block, at + layout.PAYLOAD, 1).decode()


def _bytes(block: bytes, at: int) -> bytes:
    """Read ``list<u8>``, which counts as many bytes as it has: nothing is made for each of them."""
    size, address = layout.SPAN.unpack_from(block, at + layout.PAYLOAD)
    if not size:
        return b""
    count_crossing(size)
    # A view, since a copy of the items would be 32 times what was counted.
    items = memoryview((ctypes.c_char * (size * layout.VALUE_BYTES)).from_address(address)).cast("B")
    return bytes(items[layout.PAYLOAD :: layout.VALUE_BYTES])


def _list(element: Reader) -> Reader:
    def read(block: bytes, at: int) -> list[Any]:
        items = _span(block, at + layout.PAYLOAD, layout.VALUE_BYTES)
        return [element(items, offset) for offset in range(0, len(items), layout.VALUE_BYTES)]

    return read


def _tuple(readers: tuple[Reader, ...]) -> Reader:
    places = [(reader, index * layout.VALUE_BYTES) for index, reader in enumerate(readers)]

    def read(block: bytes, at: int) -> tuple[Any, ...]:
        items = _span(block, at + layout.PAYLOAD, layout.VALUE_BYTES)
        return tuple(reader(items, offset) for reader, offset in places)

    return read


def _record(fields: tuple[tuple[str, Reader], ...]) -> Reader:
    places = [
        (name, reader, index * layout.RECORD_ENTRY_BYTES + layout.NAME_BYTES)
        for index, (name, reader) in enumerate(fields)
    ]

    def read(block: bytes, at: int) -> dict[str, Any]:
        entries = _span(block, at + layout.PAYLOAD, layout.RECORD_ENTRY_BYTES)
        return {name: reader(entries, offset) for name, reader, offset in places}

    return read


def _payload(of: wit.WitType | None) -> HandleReader:
    """Return a reader of what a pointer points at, or of nothing."""
    if of is None:
        return lambda address: None
    reader = reader_for(of)
    return lambda address: reader(string_at(address, layout.VALUE_BYTES), 0)


def _option(some: Reader, *, nested: bool) -> Reader:
    def read(block: bytes, at: int) -> Any:
        (address,) = layout.POINTER.unpack_from(block, at + layout.PAYLOAD)
        if not address:
            return None
        value = some(string_at(address, layout.VALUE_BYTES), 0)
        return Some(value) if nested else value

    return read


def _result(ok: HandleReader, err: HandleReader) -> Reader:
    def read(block: bytes, at: int) -> Ok | Err:
        (address,) = layout.POINTER.unpack_from(block, at + layout.PAYLOAD + 8)
        return Ok(ok(address)) if block[at + layout.PAYLOAD] else Err(err(address))

    return read


def _variant(cases: dict[str, HandleReader]) -> Reader:
    def read(block: bytes, at: int) -> Variant:
        case = _name(block, at)
        (address,) = layout.POINTER.unpack_from(block, at + layout.PAYLOAD + layout.NAME_BYTES)
        return Variant(case, cases[case](address))

    return read


def _flags(block: bytes, at: int) -> frozenset[str]:
    names = _span(block, at + layout.PAYLOAD, layout.NAME_BYTES)
    return frozenset(_span(names, offset, 1).decode() for offset in range(0, len(names), layout.NAME_BYTES))


def _handle(block: bytes, at: int) -> HostResource:
    call = current()
    return call.handles.take(call.context, layout.POINTER.unpack_from(block, at + layout.PAYLOAD)[0])
