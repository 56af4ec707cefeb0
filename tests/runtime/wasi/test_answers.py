"""Answers without a payload: they carry no pointer, whatever lay in the memory that they are written to."""

from __future__ import annotations

import ctypes

import pytest

from wasm_plugins.runtime import layout, lifting, lowering, native
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.log import CallLog
from wasm_plugins.runtime.state import enter, leave
from wasm_plugins.runtime.values import Err, Ok, Variant
from wasm_plugins.runtime.wit import STRING, OptionOf, ResultOf, VariantOf, WitType

FAILURE = VariantOf((("failed", STRING), ("closed", None)))


@pytest.mark.parametrize(
    ("of", "value"),
    [
        (ResultOf(STRING, STRING), Ok("text")),
        (ResultOf(None, FAILURE), Ok()),
        (ResultOf(STRING, FAILURE), Err(Variant("closed"))),
        (FAILURE, Variant("closed")),
        (FAILURE, Variant("failed", "text")),
        (OptionOf(STRING), None),
        (OptionOf(STRING), "text"),
    ],
)
def test_an_answer_is_whole_in_memory_that_is_not_zero(of: WitType, value: object) -> None:
    memory = ctypes.create_string_buffer(b"\xa5" * layout.VALUE_BYTES, layout.VALUE_BYTES)
    address = ctypes.addressof(memory)
    try:
        enter("answer", Limits(), None, CallLog(0))
        lowering.writer_for(of)(value, address)
        assert lifting.read_at(lifting.reader_for(of), address) == value
    finally:
        leave(0)
    native.value_delete(address)  # a stray pointer would end the process here
