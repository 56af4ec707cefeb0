"""A call that another thread stops: it ends soon, whatever it does just then, and no other call does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from wasm_plugins.exceptions import CallStopped, DeadlineExceeded
from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.stopping import Stop, stoppable

from . import components as parts
from .components import linked

LONG = Limits(deadline_ms=60_000)
SOON_S = 3.0
"""Within which a busy machine notices what takes a quarter of a second."""


@contextmanager
def stopped_after(pause_s: float) -> Iterator[None]:
    """Have another thread stop the calls of the block."""
    stop = Stop()
    timer = threading.Timer(pause_s, stop.ask)
    timer.start()
    began = time.monotonic()
    try:
        with stoppable(stop):
            yield
    finally:
        timer.cancel()
        timer.join()
        assert time.monotonic() - began < pause_s + SOON_S


@pytest.mark.parametrize("wat", [parts.SPIN, parts.SPIN_AT_START], ids=["in the export", "in the start function"])
def test_an_endless_loop_ends_when_somebody_stops_it(wat: str) -> None:
    with pytest.raises(CallStopped) as caught, stopped_after(0.3):
        sandbox.call(linked(wat), "run", limits=LONG)
    assert caught.value.export == "run"


def test_what_can_be_stopped_has_its_deadline_all_the_same() -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded), stoppable(Stop()):
        sandbox.call(linked(parts.SPIN), "run", limits=Limits(deadline_ms=600))
    assert 0.6 <= time.monotonic() - began < 0.6 + SOON_S


def test_the_host_answers_a_stopped_call_no_more() -> None:
    stop, seen = Stop(), []

    def note(_state: CallState, number: int) -> None:
        seen.append(number)
        stop.ask()

    with pytest.raises(CallStopped), stoppable(stop):
        sandbox.call(linked(parts.VOID_CALLER, {"note": note}), "run", [3], limits=LONG)
    assert seen == [3]


def test_a_call_inside_a_stopped_call_is_stopped_with_it() -> None:
    inner = linked(parts.SPIN)
    component = linked(parts.VOID_CALLER, {"note": lambda state, number: sandbox.call(inner, "run", limits=LONG)})
    with pytest.raises(CallStopped), stopped_after(0.3):
        sandbox.call(component, "run", [1], limits=LONG)


def test_other_calls_go_on() -> None:
    ended: list[str] = []

    def other() -> None:
        try:
            sandbox.call(linked(parts.SPIN), "run", limits=Limits(deadline_ms=1_500))
        except DeadlineExceeded:
            ended.append("at its deadline")

    thread = threading.Thread(target=other)
    thread.start()
    with pytest.raises(CallStopped), stopped_after(0.2):
        sandbox.call(linked(parts.SPIN), "run", limits=LONG)
    assert ended == []
    thread.join()
    assert ended == ["at its deadline"]


def test_after_a_stopped_call_the_next_one_is_like_any_other() -> None:
    with pytest.raises(CallStopped), stopped_after(0.1):
        sandbox.call(linked(parts.SPIN), "run", limits=LONG)
    sandbox.call(linked(parts.COUNT), "run")
