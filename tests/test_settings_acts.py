"""What is stored as settings is JSON that every database keeps."""

from __future__ import annotations

import math
from typing import Any

import pytest

from wasm_plugins.settings_acts import _check

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"any": {}}}


@pytest.mark.parametrize(
    "value",
    ["a\0b", ["\0"], [{"deep": ["x\0"]}], {"\0": 1}, "\\\0", "\ud800", [{"\udfff": 1}], math.nan, [math.inf], {1}],
    ids=repr,
)
def test_what_the_database_cannot_keep_is_refused_wherever_it_stands(value: object) -> None:
    with pytest.raises(ValueError, match="the values hold"):
        _check(SCHEMA, {"any": value})


@pytest.mark.parametrize("value", ["\\u0000", "\\\\u0000", "\U0001f600", [1.5, None, {"a": "ä"}]], ids=repr)
def test_what_only_looks_like_it_is_taken(value: object) -> None:
    _check(SCHEMA, {"any": value})


def test_values_nested_too_deeply_are_refused() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="the values hold"):
        _check(SCHEMA, {"any": value})


def test_the_size_counts_bytes_in_utf_8() -> None:
    with pytest.raises(ValueError, match="66013 bytes"):
        _check(SCHEMA, {"any": "ä" * 33_001})
