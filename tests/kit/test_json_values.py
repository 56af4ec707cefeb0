"""JSON on the command line, and the values of WIT types."""

from __future__ import annotations

from typing import Any

import pytest

from wasm_plugins.kit.failures import Usage
from wasm_plugins.kit.json_values import argument, from_json, to_json
from wasm_plugins.runtime.values import Err, Ok, Variant
from wasm_plugins.runtime.wit import (
    BOOL,
    S64,
    STRING,
    U8,
    EnumOf,
    FlagsOf,
    ListOf,
    OptionOf,
    RecordOf,
    ResultOf,
    TupleOf,
    VariantOf,
    WitType,
)

SHAPE = VariantOf((("none", None), ("round", S64)))

CASES: list[tuple[Any, WitType, Any]] = [
    (True, BOOL, True),
    (7, S64, 7),
    ([1, 2], ListOf(S64), [1, 2]),
    ([104, 105], ListOf(U8), b"hi"),
    ([1, "a"], TupleOf((S64, STRING)), (1, "a")),
    ({"order-id": 1}, RecordOf((("order-id", S64),)), {"order-id": 1}),
    (None, OptionOf(S64), None),
    (3, OptionOf(S64), 3),
    ("big", EnumOf(("big", "small")), "big"),
    (["a", "b"], FlagsOf(("a", "b")), frozenset({"a", "b"})),
    ("none", SHAPE, Variant("none")),
    ({"round": 3}, SHAPE, Variant("round", 3)),
    ({"ok": 3}, ResultOf(S64, STRING), Ok(3)),
    ({"err": "no"}, ResultOf(S64, STRING), Err("no")),
]


@pytest.mark.parametrize(("value", "of", "lifted"), CASES)
def test_a_value_goes_there_and_back(value: Any, of: WitType, lifted: Any) -> None:
    assert from_json(value, of, "it") == lifted
    back = to_json(lifted)
    assert back == ("hi" if lifted == b"hi" else value)


@pytest.mark.parametrize(
    ("text", "value"), [("gift", "gift"), ('"gift"', "gift"), ("42", "42"), ("null", "null"), ("", ""), ("{", "{")]
)
def test_a_text_needs_no_quotes(text: str, value: str) -> None:
    assert argument(text, STRING, "note") == value


@pytest.mark.parametrize(
    ("value", "of"),
    [
        (1, ListOf(S64)),
        ([], RecordOf((("a", S64),))),
        ([300], ListOf(U8)),
        ("square", SHAPE),
        (1, SHAPE),
        ({}, SHAPE),
        ({"maybe": 1}, ResultOf(S64, STRING)),
        ([1, "a", 2], TupleOf((S64, STRING))),
        ([1], TupleOf((S64, STRING))),
        ({"a": 1, "b": 2}, RecordOf((("a", S64),))),
        ({"round": 1, "none": None}, SHAPE),
        ({"none": 5}, SHAPE),
        ({"ok": 1, "err": "no"}, ResultOf(S64, STRING)),
        ([{}], FlagsOf(("a", "b"))),
        (["c"], FlagsOf(("a", "b"))),
    ],
)
def test_another_shape_is_refused(value: Any, of: WitType) -> None:
    with pytest.raises(Usage):
        from_json(value, of, "it")


def test_a_case_without_a_payload_may_be_written_with_null() -> None:
    assert from_json({"none": None}, SHAPE, "it") == Variant("none")


def test_what_is_no_json_is_refused_where_no_text_is_meant() -> None:
    with pytest.raises(Usage):
        argument("forty", S64, "order-id")


def test_bytes_that_are_no_text_are_numbers() -> None:
    assert to_json(b"\xff\x00") == [255, 0]
