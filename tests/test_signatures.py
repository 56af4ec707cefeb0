"""From annotations to WIT types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from wasm_plugins import signatures
from wasm_plugins.exceptions import ManifestError
from wasm_plugins.signatures import F32, S8, S16, S32, U8, U16, U32, U64, declare_hook, hook_type, wit_type


@dataclass
class Line:
    """A line of an order."""

    sku: str
    how_many: U32


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (bool, "bool"),
        (int, "s64"),
        (float, "f64"),
        (str, "string"),
        (bytes, "list<u8>"),
        (S8, "s8"),
        (S16, "s16"),
        (S32, "s32"),
        (U8, "u8"),
        (U16, "u16"),
        (U32, "u32"),
        (U64, "u64"),
        (F32, "f32"),
        (list[str], "list<string>"),
        (tuple[int, str], "tuple<s64, string>"),
        (str | None, "option<string>"),
        (Literal["red", "green"], "enum { red, green }"),
        (Line, "record { sku: string, how-many: u32 }"),
        (list[Line | None], "list<option<record { sku: string, how-many: u32 }>>"),
    ],
)
def test_an_annotation_is_a_wit_type(annotation: Any, expected: str) -> None:
    assert str(wit_type(annotation)) == expected


@pytest.mark.parametrize("annotation", [object, dict[str, int], int | str, tuple[int, ...], Literal[1], complex])
def test_an_annotation_without_a_wit_equal_is_refused(annotation: Any) -> None:
    with pytest.raises(TypeError):
        wit_type(annotation)


def test_a_hooks_type_has_its_parameters_and_a_result() -> None:
    def order_placed(order_id: int, note: str) -> str: ...

    assert str(hook_type(order_placed)) == "func(order-id: s64, note: string) -> result<string, string>"


def test_a_hook_that_returns_nothing_answers_a_result_without_payload() -> None:
    def told(order_id: int) -> None: ...

    assert str(hook_type(told)) == "func(order-id: s64) -> result<_, string>"


def test_parameters_must_be_ordinary_and_annotated() -> None:
    def starred(*args: int) -> str: ...

    def bare(order_id) -> str: ...  # type: ignore[no-untyped-def]

    for wrong in (starred, bare):
        with pytest.raises(TypeError):
            hook_type(wrong)


def test_a_name_can_be_declared_again_only_with_the_same_type(monkeypatch: pytest.MonkeyPatch) -> None:
    def first(order_id: int) -> str: ...

    def second(order_id: str) -> str: ...

    monkeypatch.setattr(signatures, "_declared", {})
    declare_hook("twice", hook_type(first))
    declare_hook("twice", hook_type(first))
    with pytest.raises(ValueError, match="twice"):
        declare_hook("twice", hook_type(second))
    with pytest.raises(ManifestError):
        declare_hook("No_Name", hook_type(first))
