"""Signatures inside components: one way to write them, and no byte of a signed file that can change unnoticed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.signed import ADA, public, signed
from wasm_plugins.runtime.sections import append_section
from wasm_plugins.runtime.signing import SECTION, SignatureBroken, check_public_key, read_signature, sign
from wasm_plugins.runtime.statement import Statement, canonical

from .components import COUNT, GROW, binary

DATA = binary(COUNT)


def _statement(**said: Any) -> Statement:
    return Statement(**{"name": "greeter", "number": 1, "digest": hashlib.sha256(DATA).hexdigest(), **said})


def _payload(data: bytes) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(data[data.rindex(SECTION.encode()) + len(SECTION) :])
    return payload


def _with(payload: bytes) -> bytes:
    return append_section(DATA, SECTION, payload)


def test_a_signature_is_read_back_with_its_statement_and_key() -> None:
    statement = _statement(version="1.0", capabilities={"database": {"tables": {"t": ["select"]}}}, not_before=7)
    found = read_signature(sign(DATA, statement, ADA))
    assert found is not None
    assert (found.statement, found.key) == (statement, public(ADA))


def test_a_component_without_one_has_none() -> None:
    assert read_signature(DATA) is None


@pytest.mark.parametrize("data", [b"", b"text", DATA[:-3], DATA + b"\0", DATA + b"\0\xff\xff\xff\xff\x7f"])
def test_what_is_no_component_has_none(data: bytes) -> None:
    assert read_signature(data) is None


def test_no_byte_of_a_signed_component_can_change_unnoticed() -> None:
    data = signed(DATA)
    found = read_signature(data)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        try:
            assert read_signature(bytes(changed)) in (None, found)
        except SignatureBroken:
            continue
        assert read_signature(bytes(changed)) is None, at


def test_a_component_is_signed_once() -> None:
    with pytest.raises(ValueError, match="already"):
        signed(signed(DATA))


def test_a_statement_on_other_bytes_is_not_signed() -> None:
    with pytest.raises(ValueError, match="another"):
        sign(binary(GROW), _statement(), ADA)


@pytest.mark.parametrize(
    "more",
    [
        lambda data: append_section(data, "salt", b"x"),
        lambda data: append_section(data, SECTION, b"{}"),
        lambda data: data + data[len(DATA) :],
    ],
)
def test_nothing_may_follow_a_signature(more: Any) -> None:
    with pytest.raises(SignatureBroken):
        read_signature(more(signed(DATA)))


def test_a_signature_on_another_component_is_broken() -> None:
    with pytest.raises(SignatureBroken):
        read_signature(binary(GROW) + signed(DATA)[len(DATA) :])


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"key":"","signature":"","statement":{}}',
        b"x" * 200_000,
    ],
)
def test_a_section_that_is_no_signature_is_broken(payload: bytes) -> None:
    with pytest.raises(SignatureBroken):
        read_signature(_with(payload))


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["statement"].update(number=2),
        lambda told: told["statement"].update(number=True),
        lambda told: told["statement"].update(number=-1),
        lambda told: told["statement"].update(number=2**53),
        lambda told: told["statement"].update(number=1.0),
        lambda told: told["statement"].update(name="other"),
        lambda told: told["statement"].update(name="x" * 2_000),
        lambda told: told["statement"].update(format="wasm-plugins-statement-2"),
        lambda told: told["statement"].update(extra=1),
        lambda told: told["statement"].pop("not_before"),
        lambda told: told.update(signature="00" * 64),
        lambda told: told.update(signature=told["signature"].upper()),
        lambda told: told.update(key="00" * 32),
        lambda told: told.update(key=told["key"] + "00"),
        lambda told: told.update(comment="x"),
    ],
)
def test_a_statement_that_was_touched_is_broken(change: Any) -> None:
    told = _payload(signed(DATA))
    change(told)
    with pytest.raises(SignatureBroken):
        read_signature(_with(canonical(told)))


def test_a_signature_that_is_written_in_another_way_is_broken() -> None:
    told = _payload(signed(DATA))
    with pytest.raises(SignatureBroken):
        read_signature(_with(json.dumps(told).encode()))


def test_a_signature_made_for_another_purpose_is_broken() -> None:
    said = _statement().as_json()
    told = {"key": public(ADA), "signature": ADA.sign(canonical(said)).hex(), "statement": said}
    with pytest.raises(SignatureBroken):
        read_signature(_with(canonical(told)))


@pytest.mark.parametrize("text", ["", "00", "zz" * 32, "00" * 33, "ﬀ" * 64])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        check_public_key(text)


def test_a_public_key_is_compared_in_lower_case() -> None:
    assert check_public_key(f" {public(ADA).upper()} ") == public(ADA)


def test_what_json_does_not_have_is_not_signed() -> None:
    for value in (float("nan"), object(), {"x": "y" * 70_000}):
        with pytest.raises(ValueError):
            canonical(value)
