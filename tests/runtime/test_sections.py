"""Custom sections of a component: what is appended is read back, and bad bytes are refused."""

from __future__ import annotations

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st
from wasmtime.component import Component

from wasm_plugins.runtime.sections import MAX_SECTIONS, PREAMBLE, append_section, read_sections

CORE_MODULE = b"\x00asm\x01\x00\x00\x00"
NESTED = b"\x04" + bytes([len(PREAMBLE) + 5]) + PREAMBLE + b"\x00\x03\x01xy"
"""A component inside the component, with a custom section of its own, ``x``."""


def test_an_appended_section_is_read_back() -> None:
    component = append_section(PREAMBLE, "plugin.toml", b"version = '1'")
    assert read_sections(component, limit_bytes=100) == {"plugin.toml": b"version = '1'"}


@given(st.dictionaries(st.text(), st.binary(max_size=300)))
def test_any_names_and_payloads_are_read_back(sections: dict[str, bytes]) -> None:
    component = PREAMBLE
    for name, payload in sections.items():
        component = append_section(component, name, payload)
    assert read_sections(component, limit_bytes=1_000_000) == sections


@pytest.mark.parametrize("size", [0, 126, 127, 128, 16_382, 16_384, 2_097_152])
def test_sizes_around_the_steps_of_their_encoding_are_read_back(size: int) -> None:
    component = append_section(PREAMBLE, "s", bytes(size))
    assert read_sections(component, limit_bytes=size + 2) == {"s": bytes(size)}


def test_the_last_of_several_sections_with_one_name_counts() -> None:
    component = append_section(append_section(PREAMBLE, "s", b"first"), "s", b"last")
    assert read_sections(component, limit_bytes=100) == {"s": b"last"}


def test_sections_of_what_is_inside_are_not_seen() -> None:
    component = append_section(PREAMBLE + NESTED, "s", b"outer")
    assert read_sections(component, limit_bytes=100) == {"s": b"outer"}


def test_wasmtime_accepts_a_component_with_an_appended_section() -> None:
    component = append_section(bytes(wasmtime.wat2wasm("(component)")), "plugin.toml", b"title = 'x'")
    Component(wasmtime.Engine(), component)


@pytest.mark.parametrize("data", [b"", PREAMBLE[:7], CORE_MODULE, b"(component)"])
def test_what_is_no_component_is_refused_by_both(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_sections(data, limit_bytes=100)
    with pytest.raises(ValueError):
        append_section(data, "s", b"")


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(b"\x00", id="no size"),
        pytest.param(b"\x00\x80", id="size cut off"),
        pytest.param(b"\x00\xff\xff\xff\xff\xff\x01", id="size of more than five bytes"),
        pytest.param(b"\x00\xff\xff\xff\xff\x1f", id="size of more than 32 bits"),
        pytest.param(b"\x00\x02\x01", id="section cut off"),
        pytest.param(b"\x01\xff\xff\xff\xff\x0f", id="size far past the end"),
        pytest.param(b"\x00\x00", id="no name"),
        pytest.param(b"\x00\x02\x05s", id="name longer than its section"),
        pytest.param(b"\x00\x02\x01\xff", id="name not in utf-8"),
    ],
)
def test_malformed_bytes_are_refused(tail: bytes) -> None:
    with pytest.raises(ValueError):
        read_sections(PREAMBLE + tail, limit_bytes=100)


@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_either_read_or_refused(data: bytes) -> None:
    try:
        found = read_sections(PREAMBLE + data, limit_bytes=200)
    except ValueError:
        return
    assert sum(len(payload) for payload in found.values()) <= len(data)


def test_more_bytes_than_the_limit_are_refused() -> None:
    component = append_section(append_section(PREAMBLE, "a", bytes(10)), "b", bytes(10))
    assert len(read_sections(component, limit_bytes=24)) == 2
    with pytest.raises(ValueError):
        read_sections(component, limit_bytes=23)


def test_more_sections_than_the_bound_are_refused() -> None:
    empty_type_section = b"\x07\x00"
    read_sections(PREAMBLE + empty_type_section * MAX_SECTIONS, limit_bytes=0)
    with pytest.raises(ValueError):
        read_sections(PREAMBLE + empty_type_section * (MAX_SECTIONS + 1), limit_bytes=0)
