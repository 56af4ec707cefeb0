"""Values of every WIT type: what is sent arrives, in both directions, and what does not fit is refused."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wasmtime import WasmtimeError

from wasm_plugins.exceptions import PluginFailed
from wasm_plugins.runtime import sandbox, wit
from wasm_plugins.runtime.guard import HostFunctionFailed
from wasm_plugins.runtime.lifting import reader_for
from wasm_plugins.runtime.lowering import writer_for
from wasm_plugins.runtime.values import Err, Ok, Some, ValueMismatch, Variant

from .any_value import BOUNDS, types, values_of
from .components import compiled, core_only, linked
from .echo import echo_of, echo_wat

POINT = wit.RecordOf((("x-at", wit.S32), ("y-at", wit.S32)))
SHAPE = wit.VariantOf((("nothing", None), ("circle", wit.F64), ("line", wit.ListOf(POINT)), ("name", wit.STRING)))
FLAGS_32 = wit.FlagsOf(tuple(f"f{at}" for at in range(32)))
MIB = 1024 * 1024


@dataclass(frozen=True)
class Point:
    """The record, as a dataclass."""

    x_at: int
    y_at: int


class Colour(IntEnum):
    """An integer with a name."""

    RED = 3


ARRIVING: list[tuple[wit.WitType, Any]] = [
    *((of, bound) for of, bounds in BOUNDS.items() for bound in (*bounds, 0)),
    (wit.BOOL, True),
    (wit.BOOL, False),
    (wit.F64, 1.5e300),
    (wit.F64, -0.0),
    (wit.F64, math.inf),
    (wit.F64, 5e-324),
    (wit.F32, -math.inf),
    (wit.F32, 0.5),
    (wit.CHAR, "a"),
    (wit.CHAR, "\0"),
    (wit.CHAR, "\ud7ff"),
    (wit.CHAR, "\ue000"),
    (wit.CHAR, "\U0010ffff"),
    (wit.STRING, ""),
    (wit.STRING, "a\0b"),
    (wit.STRING, "żółw 🐢👩\u200d🚀"),
    (wit.STRING, "é" * MIB),
    (wit.ListOf(wit.U8), b""),
    (wit.ListOf(wit.U8), bytes(range(256)) * 4096),
    (wit.ListOf(wit.BOOL), [True, False]),
    (wit.ListOf(wit.STRING), []),
    (wit.ListOf(wit.ListOf(wit.U8)), [b"ab", b"", b"c"]),
    (wit.ListOf(wit.ListOf(wit.STRING)), [["a"], [], ["b", "c"]]),
    (wit.TupleOf((wit.U8, wit.STRING, wit.BOOL)), (1, "b", True)),
    (wit.TupleOf((wit.F64,) * 17), tuple(map(float, range(17)))),
    (POINT, {"x-at": -1, "y-at": 2}),
    (SHAPE, Variant("nothing")),
    (SHAPE, Variant("circle", 1.25)),
    (SHAPE, Variant("line", [{"x-at": 1, "y-at": 2}])),
    (SHAPE, Variant("name", "n")),
    (wit.EnumOf(("left", "far-right")), "far-right"),
    (wit.EnumOf(tuple(f"c{at}" for at in range(300))), "c299"),
    (wit.FlagsOf(("a",)), frozenset()),
    (wit.FlagsOf(("a", "b-c")), frozenset({"a", "b-c"})),
    (FLAGS_32, frozenset({"f0", "f31"})),
    (FLAGS_32, frozenset(FLAGS_32.names)),
    (wit.OptionOf(wit.STRING), None),
    (wit.OptionOf(wit.STRING), ""),
    (wit.OptionOf(wit.BOOL), False),
    (wit.OptionOf(wit.OptionOf(wit.U8)), None),
    (wit.OptionOf(wit.OptionOf(wit.U8)), Some(None)),
    (wit.OptionOf(wit.OptionOf(wit.U8)), Some(0)),
    (wit.OptionOf(wit.OptionOf(wit.OptionOf(wit.U8))), Some(Some(None))),
    (wit.ResultOf(), Ok()),
    (wit.ResultOf(), Err()),
    (wit.ResultOf(wit.U32), Ok(7)),
    (wit.ResultOf(wit.U32), Err()),
    (wit.ResultOf(None, wit.STRING), Ok()),
    (wit.ResultOf(None, wit.STRING), Err("")),
    (wit.ResultOf(wit.STRING, wit.STRING), Ok("same")),
    (wit.ResultOf(wit.STRING, wit.STRING), Err("same")),
    (wit.ResultOf(wit.U32, wit.BOOL), Ok(1)),
    (wit.ResultOf(wit.U32, wit.BOOL), Err(True)),
    (wit.ResultOf(wit.OptionOf(wit.U8), wit.OptionOf(wit.U8)), Err(None)),
    (wit.OptionOf(wit.ResultOf(wit.U32, wit.U32)), Err(1)),
]

CONVERTED: list[tuple[wit.WitType, Any, Any]] = [
    (wit.F64, 3, 3.0),
    (wit.F32, 0.1, 0.10000000149011612),
    (wit.U8, Colour.RED, 3),
    (wit.ListOf(wit.U8), bytearray(b"ab"), b"ab"),
    (wit.ListOf(wit.U8), memoryview(b"abcd")[::2], b"ac"),
    (wit.ListOf(wit.U16), (1, 2), [1, 2]),
    (wit.TupleOf((wit.U8, wit.U8)), [1, 2], (1, 2)),
    (wit.FlagsOf(("a", "b")), {"a"}, frozenset({"a"})),
    (POINT, Point(1, 2), {"x-at": 1, "y-at": 2}),
    (POINT, OrderedDict([("y-at", 2), ("x-at", 1)]), {"x-at": 1, "y-at": 2}),
]

REFUSED: list[tuple[wit.WitType, Any]] = [
    *((of, least - 1) for of, (least, _) in BOUNDS.items()),
    *((of, most + 1) for of, (_, most) in BOUNDS.items()),
    *((of, wrong) for of in BOUNDS for wrong in (True, 1.0, "1", None)),
    (wit.BOOL, 1),
    (wit.BOOL, None),
    (wit.BOOL, "true"),
    (wit.F64, True),
    (wit.F64, "1.0"),
    (wit.F64, 10**400),
    (wit.F32, 1e39),
    (wit.CHAR, ""),
    (wit.CHAR, "ab"),
    (wit.CHAR, 97),
    (wit.CHAR, "\ud800"),
    (wit.CHAR, "\udfff"),
    (wit.STRING, b"bytes"),
    (wit.STRING, None),
    (wit.STRING, "half a pair \ud83d"),
    (wit.ListOf(wit.U8), "text"),
    (wit.ListOf(wit.U8), [1, 2]),
    (wit.ListOf(wit.U8), 3),
    (wit.ListOf(wit.U16), "text"),
    (wit.ListOf(wit.U16), {1}),
    (wit.ListOf(wit.U16), b"\1"),
    (wit.ListOf(wit.STRING), {"a": 1}),
    (wit.TupleOf((wit.U8, wit.U8)), (1,)),
    (wit.TupleOf((wit.U8, wit.U8)), (1, 2, 3)),
    (wit.TupleOf((wit.U8,)), 1),
    (POINT, {"x-at": 1}),
    (POINT, {"x-at": 1, "y-at": 2, "z-at": 3}),
    (POINT, {"x-at": 1, "y_at": 2}),
    (POINT, (1, 2)),
    (POINT, Point),
    (SHAPE, "nothing"),
    (SHAPE, Variant("square")),
    (SHAPE, Variant("nothing", 1)),
    (wit.EnumOf(("a", "b")), "c"),
    (wit.EnumOf(("a", "b")), 0),
    (wit.EnumOf(("a", "b")), Variant("a")),
    (wit.FlagsOf(("a", "b")), {"c"}),
    (wit.FlagsOf(("a", "b")), ["a"]),
    (wit.FlagsOf(("a", "b")), "a"),
    (wit.OptionOf(wit.OptionOf(wit.U8)), 1),
    (wit.ResultOf(wit.U32, wit.STRING), 1),
    (wit.ResultOf(wit.U32, wit.STRING), None),
    (wit.ResultOf(), Ok(1)),
    (wit.ResultOf(), Err("text")),
]

INSIDE: list[tuple[wit.WitType, Any, wit.WitType]] = [
    (wit.ListOf(wit.STRING), ["a", 1], wit.STRING),
    (wit.ListOf(wit.U16), [1, -1], wit.U16),
    (wit.TupleOf((wit.STRING, wit.U8)), ("a", 256), wit.U8),
    (POINT, {"x-at": 1, "y-at": "2"}, wit.S32),
    (SHAPE, Variant("line", [{"x-at": 1}]), POINT),
    (SHAPE, Variant("circle", "1"), wit.F64),
    (wit.OptionOf(wit.STRING), 0, wit.STRING),
    (wit.OptionOf(wit.OptionOf(wit.U8)), Some("1"), wit.U8),
    (wit.ResultOf(wit.U32, wit.STRING), Ok("a"), wit.U32),
    (wit.ResultOf(wit.U32, wit.STRING), Err(None), wit.STRING),
]


def _id(value: Any) -> str:
    """Name a value alike in every process."""
    if isinstance(value, set | frozenset):
        return f"{type(value).__name__} {sorted(value)}"[:50]
    return type(value).__name__ if isinstance(value, memoryview) else str(value)[:50]


@pytest.mark.parametrize(("of", "value"), ARRIVING, ids=_id)
def test_a_value_arrives_in_all_four_directions(of: wit.WitType, value: Any) -> None:
    seen, back = echo_of(of)(value)
    assert seen == value
    assert back == value
    assert type(seen) is type(back) is type(value)


@pytest.mark.parametrize(("of", "value", "arrived"), CONVERTED, ids=_id)
def test_a_value_may_be_given_in_another_python_type(of: wit.WitType, value: Any, arrived: Any) -> None:
    seen, back = echo_of(of)(value, lambda _: value)
    assert seen == back == arrived
    assert type(seen) is type(back) is type(arrived)


@pytest.mark.parametrize("of", [wit.F32, wit.F64])
def test_not_a_number_arrives_as_not_a_number(of: wit.WitType) -> None:
    seen, back = echo_of(of)(math.nan)
    assert math.isnan(seen)
    assert math.isnan(back)


def test_minus_zero_keeps_its_sign() -> None:
    seen, back = echo_of(wit.F64)(-0.0)
    assert math.copysign(1, seen) == math.copysign(1, back) == -1


@pytest.mark.parametrize(("of", "value"), REFUSED, ids=_id)
def test_an_argument_that_does_not_fit_is_refused(of: wit.WitType, value: Any) -> None:
    with pytest.raises(ValueMismatch) as caught:
        echo_of(of)(value)
    assert caught.value.expected == of


@pytest.mark.parametrize(("of", "value", "expected"), INSIDE, ids=_id)
def test_a_refusal_names_the_type_that_is_wrong_inside(of: wit.WitType, value: Any, expected: wit.WitType) -> None:
    with pytest.raises(ValueMismatch) as caught:
        echo_of(of)(value)
    assert caught.value.expected == expected


FITTING: dict[wit.WitType, Any] = {
    wit.U8: 1,
    wit.BOOL: True,
    wit.STRING: "a",
    POINT: {"x-at": 1, "y-at": 2},
    SHAPE: Variant("nothing"),
    wit.OptionOf(wit.OptionOf(wit.U8)): None,
    wit.ResultOf(wit.U32, wit.STRING): Ok(1),
}


@pytest.mark.parametrize(("of", "value"), [each for each in REFUSED if each[0] in FITTING], ids=_id)
def test_an_answer_of_the_host_that_does_not_fit_is_its_failure(of: wit.WitType, value: Any) -> None:
    with pytest.raises(HostFunctionFailed) as caught:
        echo_of(of)(FITTING[of], lambda _: value)
    assert isinstance(caught.value.__cause__, ValueMismatch)
    assert caught.value.__cause__.expected == of


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_value_of_any_type_arrives(data: st.DataObject) -> None:
    of = data.draw(types)
    send = echo_of(of)
    for _ in range(3):
        there, back = data.draw(values_of(of)), data.draw(values_of(of))
        assert send(there, lambda _, answer=back: answer) == (there, back)


@settings(max_examples=300, deadline=None)
@given(of=types, value=st.from_type(object) | st.text() | st.integers() | st.lists(st.integers()))
def test_a_value_either_arrives_or_is_refused_as_a_type_error(of: wit.WitType, value: Any) -> None:
    try:
        echo_of(of)(value)
    except TypeError as refused:
        assert isinstance(refused, ValueMismatch)


def test_seventeen_parameters_go_through_memory_and_arrive_in_order() -> None:
    of = wit.TupleOf(tuple([wit.U8, wit.STRING, wit.F32] * 6))
    value = tuple([1, "a", 0.5, 2, "b", 1.5] * 3)
    assert echo_of(of)(value) == (value, value)


def test_several_parameters_arrive_in_order() -> None:
    body = "(param i32 i64 f32 f64) (result f64) (f64.sub (local.get 3) (f64.convert_i64_s (local.get 1)))"
    params = '(param "a" u8) (param "b" s64) (param "c" f32) (param "d" f64)'
    answer = sandbox.call(linked(core_only(body, params=params, result="(result f64)")), "run", [1, -40, 0.5, 2.0])
    assert answer == 42.0


@pytest.mark.parametrize("raw", [0, 1, 2, 255])
def test_any_number_of_a_core_bool_but_zero_is_true(raw: int) -> None:
    wat = core_only(f"(result i32) (i32.const {raw})", result="(result bool)")
    assert sandbox.call(linked(wat), "run") is (raw != 0)


def test_an_err_is_raised_with_its_value() -> None:
    send = core_only("(result i32) (i32.const 1)", result="(result (result))")
    with pytest.raises(PluginFailed) as caught:
        sandbox.call(linked(send), "run")
    assert caught.value.detail is None
    assert caught.value.export == "run"


@pytest.mark.parametrize("names", [(), tuple(f"f{at}" for at in range(33))], ids=["none", "33"])
def test_flags_without_names_or_with_more_than_32_are_not_webassembly(names: tuple[str, ...]) -> None:
    with pytest.raises(WasmtimeError):
        compiled(echo_wat(wit.FlagsOf(names)))


@pytest.mark.parametrize("of", [wit.Unsupported("future"), wit.ListOf(wit.Unsupported("stream"))], ids=str)
def test_a_type_of_a_proposal_that_is_off_has_neither_reader_nor_writer(of: wit.WitType) -> None:
    with pytest.raises(TypeError):
        reader_for(of)
    with pytest.raises(TypeError):
        writer_for(of)


@given(types)
def test_a_type_is_the_same_after_the_way_through_a_component(of: wit.WitType) -> None:
    reported = compiled(echo_wat(of)).exports["echo"]
    assert reported == wit.Func((("value", of),), of)
    assert hash(reported) == hash(wit.Func((("value", of),), of))
