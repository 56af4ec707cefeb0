"""What a call spent is known after it, however it ended, and names what was too much."""

from __future__ import annotations

import pytest

from wasm_plugins.exceptions import LimitExceeded, PluginTrapped
from wasm_plugins.runtime import sandbox, wit
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.usage import collect_usage

from .components import COUNT, MANY_MEMORIES, UNREACHABLE, VOID_CALLER, linked
from .echo import echo_of


def test_what_a_call_spent_is_told_with_its_limits() -> None:
    component = linked(VOID_CALLER, {"note": lambda state, number: state.log.write("info", "x" * 36)})
    with collect_usage() as usage:
        sandbox.call(component, "run", [3], limits=Limits(host_calls=5))
    assert usage.used["host_calls"] == (3, 5)
    assert usage.used["log_lines"] == (3, 200)
    assert usage.used["log_bytes"] == (300, 65_536)
    assert usage.used["deadline_ms"][1] == 1_000


def test_it_is_told_of_a_call_that_failed_and_nothing_is_before_one_has_ended() -> None:
    with collect_usage() as usage:
        assert usage.used == {}
        with pytest.raises(PluginTrapped):
            sandbox.call(linked(UNREACHABLE), "run")
        assert usage.used["log_lines"] == (0, 200)


def test_of_calls_inside_one_another_the_outermost_counts() -> None:
    inner = linked(COUNT)
    component = linked(VOID_CALLER, {"note": lambda state, number: sandbox.call(inner, "run") and None})
    with collect_usage() as usage:
        sandbox.call(component, "run", [2])
    assert usage.used["host_calls"] == (2, 10_000)


def test_any_limit_can_be_spent_by_name_and_the_error_names_used_and_limit() -> None:
    component = linked(VOID_CALLER, {"note": lambda state, number: state.spend("sql_statements", 20)})
    with collect_usage() as usage, pytest.raises(LimitExceeded) as caught:
        sandbox.call(component, "run", [9])
    assert (caught.value.limit, caught.value.export) == ("sql_statements", "run")
    assert "used 60 of the limit sql_statements, which is 50" in str(caught.value)
    assert usage.used["sql_statements"] == (60, 50)


def test_the_host_can_be_called_as_often_as_allowed_and_not_once_more() -> None:
    seen: list[int] = []

    def note(_state: CallState, number: int) -> None:
        seen.append(number)

    component = linked(VOID_CALLER, {"note": note})
    sandbox.call(component, "run", [5], limits=Limits(host_calls=5))
    with pytest.raises(LimitExceeded) as caught:
        sandbox.call(component, "run", [6], limits=Limits(host_calls=5))
    assert caught.value.limit == "host_calls"
    assert seen == [5, 4, 3, 2, 1, 6, 5, 4, 3, 2]


@pytest.mark.parametrize(
    ("of", "value", "weight"),
    [
        (wit.STRING, "é" * 10, 20),
        (wit.ListOf(wit.U8), bytes(10), 10),
        (wit.ListOf(wit.U32), [1] * 10, 320),
        (wit.ListOf(wit.STRING), ["ab"] * 10, 340),
    ],
)
def test_a_value_weighs_the_same_each_way_it_goes(of: wit.WitType, value: object, weight: int) -> None:
    with collect_usage() as usage:
        echo_of(of)(value)
    assert usage.used["argument_bytes"][0] == weight
    assert usage.used["moved_bytes"][0] == 2 * weight
    assert usage.used["result_bytes"][0] == weight


def test_a_component_of_several_memories_is_counted_once() -> None:
    component = linked(MANY_MEMORIES)
    limits = Limits(memories=8)
    sandbox.call(component, "run", limits=limits)
    assert component.memories == 5
    with pytest.raises(LimitExceeded) as caught:
        sandbox.call(component, "run", limits=Limits(memories=4))
    assert caught.value.limit == "memories"
    with pytest.raises(LimitExceeded) as caught:
        sandbox.call(component, "run", limits=Limits(memories=8, memory_bytes=4 * 65_536))
    assert caught.value.limit == "memory_bytes"
    assert "which 5 memories share" in str(caught.value)
