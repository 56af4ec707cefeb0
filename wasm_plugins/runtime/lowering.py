"""Writes values for a component: one small writer for each WIT type, made once and kept.

A writer puts a Python value into the 32 bytes at an address. Memory for parts comes from wasmtime's own allocator
and is zero, which reads as ``bool false``, before anything is written into it: so at every moment the tree is
whole, and after an error in the middle its owner can free it like any other. Where an answer goes, wasmtime sets
only the kind and the rest is whatever was there: a writer that may leave a pointer empty clears it first.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Mapping
from ctypes import memmove, memset
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Any

from . import layout, native, wit
from .handles import HostResource
from .state import count_crossing, current
from .values import Err, Ok, Some, ValueMismatch, Variant, is_nested_option, wit_name

Writer = Callable[[Any, int], None]

_false = ctypes.create_string_buffer(layout.VALUE_BYTES)
_FALSE = ctypes.addressof(_false)
"""A value that owns nothing: what a new box holds until its own value is written."""


@lru_cache(maxsize=1_024)  # plugins choose the types
def writer_for(of: wit.WitType) -> Writer:
    """Return the writer of a type; it raises ``ValueMismatch`` for a value that does not fit.

    Raises:
        TypeError: The type belongs to a proposal that is off.
    """
    match of:
        case wit.Primitive(name):
            return _primitive(name, of)
        case wit.ListOf(element):
            return _bytes(of) if element == wit.U8 else _list(of, writer_for(element))
        case wit.TupleOf(types):
            return _tuple(of, tuple(map(writer_for, types)))
        case wit.RecordOf(fields):
            return _record(of, tuple((name, writer_for(field)) for name, field in fields))
        case wit.OptionOf(some):
            return _option(of, writer_for(some))
        case wit.ResultOf(ok, err):
            return _result(of, _payload(ok), _payload(err))
        case wit.VariantOf(cases):
            return _variant(of, {name: _payload(payload) for name, payload in cases})
        case wit.EnumOf(names):
            return _enum(of, frozenset(names))
        case wit.FlagsOf(names):
            return _flags(of, names)
        case wit.Handle():
            return _handle(of)
    raise TypeError(f"{of} cannot cross between this host and a plugin")


def _payload(of: wit.WitType | None) -> Writer | None:
    return None if of is None else writer_for(of)


def _primitive(name: str, of: wit.WitType) -> Writer:
    if name == "string":
        return _string(of)
    if name == "bool":
        return _bool(of)
    if name == "char":
        return _char(of)
    if name in ("f32", "f64"):
        return _number(name, of, (float, int))
    return _number(name, of, (int,))


def _bool(of: wit.WitType) -> Writer:
    images = {value: struct.pack("=B7xB7x", layout.KIND_BOOL, value) for value in (False, True)}

    def write(value: Any, at: int) -> None:
        if value is not True and value is not False:
            raise ValueMismatch(of, value)
        memmove(at, images[value], 16)

    return write


def _number(name: str, of: wit.WitType, accepted: tuple[type, ...]) -> Writer:
    kind, letter = layout.NUMBERS[name]
    image = struct.Struct(f"=B7x{letter}")
    pack, size = image.pack, image.size

    def write(value: Any, at: int) -> None:
        if not isinstance(value, accepted) or isinstance(value, bool):
            raise ValueMismatch(of, value)
        try:
            memmove(at, pack(kind, value), size)
        except (struct.error, OverflowError):
            raise ValueMismatch(of, value, why="out of range") from None

    return write


def _char(of: wit.WitType) -> Writer:
    pack = struct.Struct("=B7xI").pack

    def write(value: Any, at: int) -> None:
        if not isinstance(value, str) or len(value) != 1 or "\ud800" <= value <= "\udfff":
            raise ValueMismatch(of, value)
        memmove(at, pack(layout.KIND_CHAR, ord(value)), 12)

    return write


def _put_name(text: str, at: int, of: wit.WitType) -> None:
    """Put a text's length and address at an address, in memory that wasmtime can free."""
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise ValueMismatch(of, text, why="not Unicode scalar values") from None
    count_crossing(len(data))
    native.name_new(at, len(data), data)


def _kind(kind: int, at: int) -> None:
    ctypes.c_uint64.from_address(at).value = kind


def _string(of: wit.WitType) -> Writer:
    def write(value: Any, at: int) -> None:
        if not isinstance(value, str):
            raise ValueMismatch(of, value)
        _put_name(value, at + layout.PAYLOAD, of)
        _kind(layout.KIND_STRING, at)

    return write


def _enum(of: wit.WitType, names: frozenset[str]) -> Writer:
    def write(value: Any, at: int) -> None:
        if not isinstance(value, str) or value not in names:
            raise ValueMismatch(of, value)
        _put_name(value, at + layout.PAYLOAD, of)
        _kind(layout.KIND_ENUM, at)

    return write


def _flags(of: wit.WitType, names: tuple[str, ...]) -> Writer:
    def write(value: Any, at: int) -> None:
        if not isinstance(value, (set, frozenset)) or not value <= set(names):
            raise ValueMismatch(of, value)
        data = _allocate(native.flags_new, at, len(value), layout.NAME_BYTES)
        _kind(layout.KIND_FLAGS, at)
        for index, name in enumerate(name for name in names if name in value):
            _put_name(name, data + index * layout.NAME_BYTES, of)

    return write


def _allocate(new: Callable[[int, int], None], at: int, size: int, item_bytes: int) -> int:
    """Give the vector in the value at an address ``size`` zeroed items and return the address of the first."""
    new(at + layout.PAYLOAD, size)
    if not size:
        return 0
    address = ctypes.c_uint64.from_address(at + layout.PAYLOAD + 8).value
    memset(address, 0, size * item_bytes)
    return address


def _new_list(size: int, at: int, kind: int) -> int:
    address = _allocate(native.list_new, at, size, layout.VALUE_BYTES)
    _kind(kind, at)
    return address


def _list(of: wit.WitType, element: Writer) -> Writer:
    def write(value: Any, at: int) -> None:
        if not isinstance(value, (list, tuple)):
            raise ValueMismatch(of, value)
        count_crossing(len(value) * layout.VALUE_BYTES)
        data = _new_list(len(value), at, layout.KIND_LIST)
        for index, item in enumerate(value):
            element(item, data + index * layout.VALUE_BYTES)

    return write


def _bytes(of: wit.WitType) -> Writer:
    kind = layout.NUMBERS["u8"][0]

    def write(value: Any, at: int) -> None:
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise ValueMismatch(of, value)
        data = bytes(value)
        count_crossing(len(data))
        image = bytearray(len(data) * layout.VALUE_BYTES)
        image[0 :: layout.VALUE_BYTES] = bytes((kind,)) * len(data)
        image[layout.PAYLOAD :: layout.VALUE_BYTES] = data
        address = _new_list(len(data), at, layout.KIND_LIST)
        memmove(address, bytes(image), len(image))

    return write


def _tuple(of: wit.WitType, writers: tuple[Writer, ...]) -> Writer:
    def write(value: Any, at: int) -> None:
        if not isinstance(value, (tuple, list)) or len(value) != len(writers):
            raise ValueMismatch(of, value)
        data = _new_list(len(value), at, layout.KIND_TUPLE)
        for index, (writer, item) in enumerate(zip(writers, value, strict=True)):
            writer(item, data + index * layout.VALUE_BYTES)

    return write


def _as_fields(value: Any, of: wit.WitType) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {wit_name(field.name): getattr(value, field.name) for field in dataclass_fields(value)}
    raise ValueMismatch(of, value)


def _record(of: wit.RecordOf, writers: tuple[tuple[str, Writer], ...]) -> Writer:
    def write(value: Any, at: int) -> None:
        fields = _as_fields(value, of)
        if len(fields) != len(writers) or any(name not in fields for name, _ in writers):
            raise ValueMismatch(of, value, why="the fields differ")
        data = _allocate(native.record_new, at, len(writers), layout.RECORD_ENTRY_BYTES)
        _kind(layout.KIND_RECORD, at)
        for index, (name, writer) in enumerate(writers):
            entry = data + index * layout.RECORD_ENTRY_BYTES
            _put_name(name, entry, of)
            writer(fields[name], entry + layout.NAME_BYTES)

    return write


def _box(writer: Writer | None, value: Any, pointer_at: int, of: wit.WitType) -> None:
    """Put a value into memory of its own and the address of it where the owner looks for it."""
    if writer is None:
        if value is not None:
            raise ValueMismatch(of, value, why="this case carries nothing")
        return
    address = native.value_new(_FALSE)
    ctypes.c_uint64.from_address(pointer_at).value = address
    writer(value, address)


def _option(of: wit.OptionOf, some: Writer) -> Writer:
    nested = is_nested_option(of)

    def write(value: Any, at: int) -> None:
        memset(at, 0, layout.VALUE_BYTES)
        _kind(layout.KIND_OPTION, at)
        if value is None:
            return
        if nested and not isinstance(value, Some):
            raise ValueMismatch(of, value, why="an option of an option takes Some(value) or None")
        _box(some, value.value if nested else value, at + layout.PAYLOAD, of)

    return write


def _result(of: wit.WitType, ok: Writer | None, err: Writer | None) -> Writer:
    def write(value: Any, at: int) -> None:
        if not isinstance(value, (Ok, Err)):
            raise ValueMismatch(of, value, why="a result is Ok(value) or Err(value)")
        is_ok = isinstance(value, Ok)
        memmove(at, struct.pack("=B7xB7x16x", layout.KIND_RESULT, is_ok), layout.VALUE_BYTES)
        _box(ok if is_ok else err, value.value, at + layout.PAYLOAD + 8, of)

    return write


def _variant(of: wit.WitType, cases: Mapping[str, Writer | None]) -> Writer:
    def write(value: Any, at: int) -> None:
        if not isinstance(value, Variant) or value.case not in cases:
            raise ValueMismatch(of, value)
        memset(at, 0, layout.VALUE_BYTES)
        _put_name(value.case, at + layout.PAYLOAD, of)
        _kind(layout.KIND_VARIANT, at)
        _box(cases[value.case], value.payload, at + layout.PAYLOAD + layout.NAME_BYTES, of)

    return write


def _handle(of: wit.WitType) -> Writer:
    def write(value: Any, at: int) -> None:
        if not isinstance(value, HostResource):
            raise ValueMismatch(of, value)
        call = current()
        address = call.handles.lend(call.context, value)
        memmove(at, struct.pack("=B7xQ", layout.KIND_RESOURCE, address), 16)

    return write
