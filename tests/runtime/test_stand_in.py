"""What stands in for a component: values are converted, refused and weighed as on the way through a real one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasm_plugins.exceptions import DeadlineExceeded, LinkError, PluginFailed, PluginTrapped
from wasm_plugins.runtime import sandbox, wit
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.log import CallLog
from wasm_plugins.runtime.stand_in import StandIn
from wasm_plugins.runtime.state import open_calls
from wasm_plugins.runtime.usage import collect_usage
from wasm_plugins.runtime.values import CountMismatch, Err, Ok, ValueMismatch

from .any_value import types, values_of
from .echo import PATIENT, echo_of

TEXT = wit.Func((("text", wit.STRING),), wit.ResultOf(wit.STRING, wit.STRING))


def echo(of: wit.WitType) -> StandIn:
    """Answer what was given."""
    return StandIn({"echo": wit.Func((("value", of),), of)}, {"echo": lambda value: value})


def answering(answer: Any) -> StandIn:
    return StandIn({"say": TEXT}, {"say": answer})


def through(of: wit.WitType, value: Any) -> Any:
    try:
        back = sandbox.call(echo(of), "echo", [value], limits=PATIENT)
    except PluginFailed as failed:
        return Err(failed.detail)
    return Ok(back) if isinstance(of, wit.ResultOf) else back


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_value_of_any_type_arrives_and_weighs_what_it_weighs_through_a_component(data: st.DataObject) -> None:
    of = data.draw(types)
    value = data.draw(values_of(of))
    with collect_usage() as real:
        there, back = echo_of(of)(value)
    with collect_usage() as fake:
        assert through(of, value) == back == there
    weighed = ("argument_bytes", "result_bytes")
    assert [fake.used.get(name) for name in weighed] == [real.used.get(name) for name in weighed]


@settings(max_examples=60, deadline=None)
@given(of=types, value=st.from_type(object) | st.text() | st.integers() | st.lists(st.integers()))
def test_what_a_component_would_not_get_is_refused_in_the_same_way(of: wit.WitType, value: Any) -> None:
    try:
        there, _ = echo_of(of)(value)
    except ValueMismatch:
        with pytest.raises(ValueMismatch):
            through(of, value)
    else:
        assert through(of, value) == there


def test_the_errors_are_those_of_any_call() -> None:
    with pytest.raises(LinkError):
        sandbox.call(answering(str), "shout", ["x"])
    with pytest.raises(LinkError):
        sandbox.call(answering(str), "say", ["x"], interface="any:package/interface")
    with pytest.raises(CountMismatch):
        sandbox.call(answering(str), "say", [])
    with pytest.raises(PluginFailed):
        sandbox.call(answering(lambda text: Err("no")), "say", ["x"])
    with pytest.raises(PluginTrapped):
        sandbox.call(answering(lambda text: 1 / 0), "say", ["x"])
    with pytest.raises(DeadlineExceeded):
        sandbox.call(answering(str), "say", ["x"], limits=Limits(deadline_ms=0))
    with pytest.raises(KeyboardInterrupt):
        sandbox.call(answering(_interrupted), "say", ["x"])
    assert open_calls() == 0


def _interrupted(text: str) -> str:
    raise KeyboardInterrupt


def test_an_answer_that_fits_no_side_is_an_error_of_whoever_stands_in() -> None:
    with pytest.raises(TypeError) as caught:
        sandbox.call(answering(lambda text: Err(7)), "say", ["x"])
    assert not isinstance(caught.value, ValueMismatch)
    assert open_calls() == 0


def test_the_detail_of_an_err_is_redacted_and_cut_as_any() -> None:
    log = CallLog(1_000)
    log.redactor.hide("hunter2-hunter2")
    with pytest.raises(PluginFailed) as caught:
        sandbox.call(answering(lambda text: Err("hunter2-hunter2" + "x" * 9_000)), "say", ["x"], log=log)
    assert str(caught.value.detail).startswith("***")
    assert len(str(caught.value.detail)) <= sandbox.DETAIL_CHARS


def test_a_function_without_an_answer_answers_nothing() -> None:
    told: list[str] = []
    note = StandIn({"note": wit.Func((("text", wit.STRING),))}, {"note": told.append})
    assert sandbox.call(note, "note", ["x"]) is None
    assert told == ["x"]
