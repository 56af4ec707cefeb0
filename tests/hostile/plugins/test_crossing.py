"""Plugins that keep the host busy with converting, or send it values that are none."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from tests.host_imports import Step, authorize, log
from tests.hostile.plugins.hostile import LIMIT, PAGE_BYTES, TIMEOUT, TRAP, ask, is_well, outcome, raw, serve
from tests.wat import Memory
from wasm_plugins import lifecycle

pytestmark = pytest.mark.django_db

MIB = 1024 * 1024
HEAP = 2 * PAGE_BYTES
CONVERSION_S = 5.0
"""How long one conversion of the largest allowed value may take on a busy machine."""


def _burn(step: Step, arguments: str, size_bytes: int) -> Any:
    """Call the host for ever with a value of some size in memory that is grown for it."""

    def body(memory: Memory, shape: Any) -> tuple[str, tuple[Step, ...]]:
        grow = f"(drop (memory.grow (i32.const {size_bytes // PAGE_BYTES + 3})))"
        return f"{grow} (loop $again (call {step.imported.symbol} {arguments}) (br $again)) unreachable", (step,)

    return body


def _log_of(size: int) -> Any:
    return _burn(log("x"), f"(i32.const 2) (i32.const 0) (i32.const 0) (i32.const {HEAP}) (i32.const {size})", size)


def _list_of(items: int) -> Any:
    words = [0, 0, 0, 0, 0, 0, HEAP, items, 1024]
    return _burn(authorize("x"), " ".join(f"(i32.const {word})" for word in words), items * 8)


BURNERS = {
    "texts as large as may cross": _log_of(30 * MIB),
    "texts of a megabyte": _log_of(MIB),
    "lists as long as may cross": _list_of(900_000),
    "lists of ten thousand": _list_of(10_000),
}


@pytest.mark.parametrize("burner", BURNERS)
def test_hp_10_a_conversion_burner_ends_at_the_limit_of_bytes(client: Client, settings: Settings, burner: str) -> None:
    settings.WASM_PLUGINS_ROUTE_DEADLINE_MS = 30_000
    serve({"burn": BURNERS[burner]}, grants={"authorization": {}} if "list" in burner else None)
    begun = time.monotonic()
    response = ask(client, "burn")
    assert outcome(response) == LIMIT
    assert time.monotonic() - begun < 4 * CONVERSION_S
    assert is_well(client)


@pytest.mark.parametrize("burner", BURNERS)
def test_hp_10_a_conversion_burner_ends_by_the_deadline_and_one_conversion(
    client: Client, settings: Settings, burner: str
) -> None:
    settings.WASM_PLUGINS_ROUTE_DEADLINE_MS = 200
    plugin = serve({"burn": BURNERS[burner]}, grants={"authorization": {}} if "list" in burner else None)
    lifecycle.set_limits(plugin, {"moved_bytes": 1024 * MIB, "host_calls": 1_000_000})
    begun = time.monotonic()
    assert outcome(ask(client, "burn")) in (TIMEOUT, LIMIT)  # wasmtime's own limit may come first
    assert time.monotonic() - begun < 0.2 + CONVERSION_S
    assert is_well(client)


def _text_at(data: bytes, *, size: int | None = None, at: int | None = None) -> Any:
    """Answer ok with a text of these bytes, or of another size or place."""

    def body(memory: Memory, shape: Any) -> tuple[str, tuple[Step, ...]]:
        address = memory.put(data)
        words = memory.words(0, address if at is None else at, len(data) if size is None else size)
        return f"i32.const {words}", ()

    return body


def _sends(step: Step, *words: int) -> Any:
    """Call the host once with core values as they are, then answer ok."""
    return raw(
        f"(call {step.imported.symbol} {' '.join(f'(i32.const {word})' for word in words)}) {{ok}}", first=(step,)
    )


def _logs(data: bytes) -> Any:
    def body(memory: Memory, shape: Any) -> tuple[str, tuple[Step, ...]]:
        text, steps = _sends(log("x"), 2, 0, 0, memory.put(data), len(data))(memory, shape)
        return text, steps

    return body


BAD = {
    "an answer that is no UTF-8": _text_at(b"\xff\xfe\xfd"),
    "an answer that ends in the middle of a character": _text_at(b"ok\xe2\x82"),
    "an answer with an unpaired surrogate": _text_at(b"\xed\xa0\x80"),
    "an answer out of bounds": _text_at(b"", at=0x7FFF_FFF0, size=10),
    "an answer longer than memory": _text_at(b"", at=16, size=0x7FFF_FFFF),
    "an answer whose end wraps around": _text_at(b"", at=0xFFFF_FFF0, size=0x20),
    "an answer at an odd address": raw("(i32.const 1025)"),
    "an answer's record out of bounds": raw("(i32.const 0x7ffffff0)"),
    "an answer that is neither ok nor err": raw("(i32.store8 {free} (i32.const 7)) {free}"),
    "an argument that is no UTF-8": _logs(b"\xff\xfe"),
    "an argument with an unpaired surrogate": _logs(b"\xed\xbf\xbf"),
    "an argument out of bounds": _sends(log("x"), 2, 0, 0, 0x7FFF_FFF0, 64),
    "an enum that does not exist": _sends(log("x"), 99, 0, 0, 0, 0),
    "a misaligned list": _sends(authorize("x"), 0, 0, 0, 0, 0, 0, 1025, 1, 1024),
    "a list out of bounds": _sends(authorize("x"), 0, 0, 0, 0, 0, 0, 1024, 0x0FFF_FFFF, 1024),
    "a boolean of seven and an option of nine": _sends(authorize("x"), 0, 0, 7, 9, 0, 0, 1024, 0, 1024),
}


@pytest.mark.parametrize("case", BAD)
def test_hp_11_a_bad_value_is_a_trap_that_tells_the_caller_nothing(client: Client, case: str) -> None:
    serve({"bad": BAD[case]}, grants={"authorization": {}} if "list" in case or "boolean" in case else None)
    response = ask(client, "bad")
    assert outcome(response) == TRAP
    said = response.content.decode()
    assert not any(word in said for word in ("Traceback", "Error", "Unicode", "ctypes", "wasmtime", "File", "utf"))
    assert is_well(client)
