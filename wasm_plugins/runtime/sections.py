"""The custom sections of a component: append one, read them all, and never run anything.

A component is eight bytes of preamble and then sections, each an id byte, a size, and that many bytes. A
section with id 0 is custom: a name, then whatever its author likes. Modules and components inside are
sections too, so stepping from size to size sees the top level only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

PREAMBLE: Final = b"\x00asm\x0d\x00\x01\x00"
"""How every component begins. A core module begins otherwise."""

MAX_SECTIONS: Final = 10_000
"""More sections than this at the top level are refused; the largest ordinary component has a few hundred."""

_CUSTOM: Final = 0
_MAX_U32_BYTES: Final = 5


def append_section(component: bytes, name: str, payload: bytes) -> bytes:
    """Return the component with one custom section more, at its end.

    Args:
        component: The bytes of a component; its preamble is checked and nothing else.
        name: The section's name, for example ``plugin.toml``.
        payload: Any bytes.

    Raises:
        ValueError: ``component`` does not begin like a component.
    """
    _check_preamble(component)
    encoded = name.encode()
    content = _encode_u32(len(encoded)) + encoded + payload
    return component + bytes([_CUSTOM]) + _encode_u32(len(content)) + content


def read_sections(component: bytes, *, limit_bytes: int) -> dict[str, bytes]:
    """Return the payloads of the top-level custom sections by name. Of several with one name the last counts.

    Takes time in proportion to the number of sections, which is bounded, and memory within ``limit_bytes``.

    Args:
        component: Bytes of whatever origin.
        limit_bytes: The largest sum of the sections' names and payloads.

    Raises:
        ValueError: The bytes are no well-formed component, or a bound was passed.
    """
    _check_preamble(component)
    found: dict[str, bytes] = {}
    spent_bytes = 0
    for _, section in _custom_sections(memoryview(component)):
        spent_bytes += len(section)
        if spent_bytes > limit_bytes:
            raise ValueError(f"the custom sections have more than {limit_bytes} bytes")
        name, payload = _name_and_payload(section)
        found[str(name, "utf-8")] = bytes(payload)
    return found


def find_sections(component: bytes) -> Iterator[tuple[bytes, int, int, bytes]]:
    """Yield name, beginning, end and payload of each top-level custom section, in order.

    The beginning is where the section's id byte lies; the end is the position after its last byte.

    Raises:
        ValueError: The bytes are no well-formed component.
    """
    _check_preamble(component)
    for begin, section in _custom_sections(memoryview(component)):
        name, payload = _name_and_payload(section)
        _, start = _decode_u32(memoryview(component), begin + 1)
        yield bytes(name), begin, start + len(section), bytes(payload)


def measure_sections(component: bytes) -> Iterator[tuple[int, int]]:
    """Yield id and size in bytes of each top-level section, in order; the ids are those of the component's format.

    Raises:
        ValueError: The bytes are no well-formed component.
    """
    _check_preamble(component)
    for section_id, _, section in _sections(memoryview(component)):
        yield section_id, len(section)


def _name_and_payload(section: memoryview) -> tuple[memoryview, memoryview]:
    size, start = _decode_u32(section, 0)
    payload_start = start + size
    if payload_start > len(section):
        raise ValueError("the name of a custom section is longer than the section")
    return section[start:payload_start], section[payload_start:]


def _custom_sections(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield where each custom section begins, with its contents."""
    return ((begin, section) for section_id, begin, section in _sections(view) if section_id == _CUSTOM)


def _sections(view: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Step over the top-level sections, and yield each one's id, where it begins, and its contents."""
    position = len(PREAMBLE)
    for _ in range(MAX_SECTIONS):
        if position == len(view):
            return
        section_id, begin = view[position], position
        size, start = _decode_u32(view, position + 1)
        position = start + size
        if position > len(view):
            raise ValueError("a section reaches past the end of the component")
        yield section_id, begin, view[start:position]
    if position < len(view):
        raise ValueError(f"the component has more than {MAX_SECTIONS} sections")


def _check_preamble(component: bytes) -> None:
    if not component.startswith(PREAMBLE):
        raise ValueError("these bytes are not a WebAssembly component")


def _encode_u32(number: int) -> bytes:
    """Encode as unsigned LEB128: seven bits a byte, lowest first, the top bit set while more follow."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _decode_u32(view: memoryview, position: int) -> tuple[int, int]:
    """Return the number that begins at ``position``, and the position after it."""
    number = 0
    for index, byte in enumerate(view[position : position + _MAX_U32_BYTES]):
        number |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            if number >= 1 << 32:
                break
            return number, position + index + 1
    raise ValueError("a size is cut off or larger than 32 bits")
