"""What host functions raise comes out of their own call, as it was raised, and wasm never sees it."""

from __future__ import annotations

import ctypes
import gc
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from rq.timeouts import JobTimeoutException

from wasm_plugins.exceptions import DeadlineExceeded, PluginError, PluginTrapped
from wasm_plugins.runtime import guard, sandbox, wit
from wasm_plugins.runtime.guard import HostFunctionFailed
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.state import CallState, current, open_calls

from .components import HOST, UNREACHABLE, VOID_CALLER, linked
from .echo import echo_of

ROOT = Path(__file__).resolve().parents[2]

PATIENT = Limits(deadline_ms=30_000)
SPIN_THEN_CALL = f"""(component
  (import "{HOST}" (instance $host (export "note" (func (param "number" u32)))))
  (core func $note (canon lower (func $host "note")))
  (core module $m (import "host" "note" (func $note (param i32)))
    (func (export "run") (param $turns i32)
      (loop $again
        (if (local.get $turns) (then
          (local.set $turns (i32.sub (local.get $turns) (i32.const 1)))
          (br $again))))
      (call $note (i32.const 7))))
  (core instance $i (instantiate $m (with "host" (instance (export "note" (func $note))))))
  (func (export "run") (param "turns" u32) (canon lift (core func $i "run"))))"""
TURNS = 500_000_000
"""Some tenths of a second of looping."""


class Greenlet(BaseException):
    """Like a timeout of gevent: no ``Exception``."""


RAISED = [
    ValueError("a"),
    PluginError("b", plugin="c"),
    DeadlineExceeded(export="other", deadline_ms=1),
    JobTimeoutException("d"),
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    StopIteration(4),
    MemoryError(),
    RecursionError(),
    TypeError("no mismatch"),
    Greenlet(),
]


def _fail(failure: BaseException) -> guard.HostCallable:
    def note(_state: CallState, _number: int) -> None:
        raise failure

    return note


@pytest.mark.parametrize("failure", RAISED, ids=lambda each: type(each).__name__)
def test_what_a_host_function_raises_comes_out_as_itself(failure: BaseException) -> None:
    component = linked(VOID_CALLER, {"note": _fail(failure)})
    with pytest.raises(type(failure)) as caught:
        sandbox.call(component, "run", [1])
    assert caught.value is failure
    assert open_calls() == 0


@pytest.mark.parametrize("failure", RAISED, ids=lambda each: type(each).__name__)
def test_the_same_from_a_host_function_that_should_have_answered(failure: BaseException) -> None:
    def refuse(_value: object) -> None:
        raise failure

    with pytest.raises(type(failure)) as caught:
        echo_of(wit.BOOL)(True, refuse)
    assert caught.value is failure


def test_an_exception_keeps_its_cause_and_context() -> None:
    cause = ValueError("cause")

    def note(_state: CallState, _number: int) -> None:
        try:
            raise KeyError("context")
        except KeyError:
            raise LookupError("raised") from cause

    with pytest.raises(LookupError) as caught:
        sandbox.call(linked(VOID_CALLER, {"note": note}), "run", [1])
    assert caught.value.__cause__ is cause
    assert isinstance(caught.value.__context__, KeyError)


def test_after_an_exception_no_host_function_of_the_call_runs() -> None:
    seen = []

    def note(_state: CallState, number: int) -> None:
        seen.append(number)
        if number == 3:
            raise ValueError

    with pytest.raises(ValueError):
        sandbox.call(linked(VOID_CALLER, {"note": note}), "run", [5])
    assert seen == [5, 4, 3]


def test_a_failed_call_refuses_every_later_answer_of_the_host() -> None:
    seen = []
    component = linked(VOID_CALLER, {"note": lambda _state, number: seen.append(number)})
    failure = ValueError()

    def note(state: CallState, _number: int) -> None:
        state.failure = failure  # as if a destructor had failed, after which wasm goes on

    failing = linked(VOID_CALLER, {"note": note})
    with pytest.raises(ValueError) as caught:
        sandbox.call(failing, "run", [2])
    assert caught.value is failure
    sandbox.call(component, "run", [2])
    assert seen == [2, 1]


def test_a_function_without_a_result_may_return_anything() -> None:
    component = linked(VOID_CALLER, {"note": lambda _state, _number: object()})
    assert sandbox.call(component, "run", [3]) is None


@pytest.mark.parametrize("answer", [None, 1, "text", object(), NotImplemented])
def test_an_answer_of_the_wrong_type_is_the_hosts_failure(answer: object) -> None:
    with pytest.raises(HostFunctionFailed):
        echo_of(wit.BOOL)(True, lambda _: answer)


def test_an_answer_that_fails_while_it_is_read_comes_out_as_itself() -> None:
    class Bad(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            raise SystemExit(key)

    of = wit.RecordOf((("a", wit.U8),))
    with pytest.raises(SystemExit):
        echo_of(of)({"a": 1}, lambda _: Bad(a=1))


def test_a_host_function_sees_its_own_call() -> None:
    seen = []
    component = linked(VOID_CALLER, {"note": lambda state, _number: seen.append((state.host, state is current()))})
    marker = object()
    sandbox.call(component, "run", [1], host=marker)
    assert seen == [(marker, True)]


def test_an_exception_of_an_inner_call_can_be_handled_by_the_host_function_around_it() -> None:
    inner = linked(UNREACHABLE)
    seen = []

    def note(_state: CallState, number: int) -> None:
        with pytest.raises(PluginTrapped):
            sandbox.call(inner, "run")
        seen.append(number)

    sandbox.call(linked(VOID_CALLER, {"note": note}), "run", [2])
    assert seen == [2, 1]


def test_a_linker_that_is_gone_leaves_no_host_function_behind() -> None:
    gc.collect()
    before = len(guard._functions)
    component = linked(VOID_CALLER, {"note": lambda _state, _number: None})
    assert len(guard._functions) == before + 1
    del component
    gc.collect()
    assert len(guard._functions) == before


@pytest.fixture
def alarm() -> Iterator[None]:
    """Make SIGALRM raise what RQ's job timeout raises, as RQ does."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise JobTimeoutException("too long")

    before = signal.signal(signal.SIGALRM, ring)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarm")
def test_a_job_timeout_that_comes_while_wasm_runs_comes_out_before_the_next_host_function() -> None:
    seen: list[int] = []
    component = linked(SPIN_THEN_CALL, {"note": lambda _state, number: seen.append(number)})
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    with pytest.raises(JobTimeoutException):
        sandbox.call(component, "run", [TURNS], limits=PATIENT)
    assert seen == []
    assert open_calls() == 0
    sandbox.call(component, "run", [1])
    assert seen == [7]


@pytest.mark.usefixtures("alarm")
def test_a_job_timeout_that_comes_while_wasm_runs_comes_out_when_there_is_no_host_function_left() -> None:
    component = linked(SPIN_THEN_CALL.replace("(call $note (i32.const 7))", ""), {"note": lambda *_: None})
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    with pytest.raises(JobTimeoutException):
        sandbox.call(component, "run", [TURNS], limits=PATIENT)
    assert open_calls() == 0


@pytest.mark.usefixtures("alarm")
def test_a_job_timeout_inside_a_host_function_comes_out() -> None:
    def note(_state: CallState, _number: int) -> None:
        signal.pause()

    signal.setitimer(signal.ITIMER_REAL, 0.05)
    with pytest.raises(JobTimeoutException):
        sandbox.call(linked(VOID_CALLER, {"note": note}), "run", [1], limits=PATIENT)


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("again_after_s", [(), (0.000_01,), (0.000_1,)], ids=["once", "twice at once", "twice"])
def test_job_timeouts_at_any_moment_come_out_and_leave_no_call_open(
    monkeypatch: pytest.MonkeyPatch, again_after_s: tuple[float, ...]
) -> None:
    component = linked(VOID_CALLER, {"note": lambda _state, _number: None})
    monkeypatch.setattr(sys, "unraisablehook", print)  # Python loses one in a ``__del__``: the next comes out
    for turn in range(100):
        still_to_come = list(again_after_s)

        def ring(_number: int, _frame: FrameType | None, to_come: list[float] = still_to_come) -> None:
            signal.setitimer(signal.ITIMER_REAL, to_come.pop() if to_come else 0.5)
            raise JobTimeoutException("too long")

        signal.signal(signal.SIGALRM, ring)
        came_out = False
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.000_1 + turn * 0.000_01)
                while True:
                    sandbox.call(component, "run", [20], limits=PATIENT)
            except JobTimeoutException:
                came_out = True
                signal.setitimer(signal.ITIMER_REAL, 0)
        except JobTimeoutException:  # the second one, while the first was caught
            pass
        assert (came_out, open_calls()) == (True, 0)
    gc.collect()


def test_a_job_timeout_right_when_a_call_is_being_closed_leaves_it_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_depth: int) -> None:
        raise JobTimeoutException("too long")

    monkeypatch.setattr(sandbox, "leave", interrupted)
    with pytest.raises(JobTimeoutException):
        sandbox.call(linked(VOID_CALLER, {"note": lambda _state, _number: None}), "run", [1])
    assert open_calls() == 0


def test_an_exception_sent_into_a_thread_that_runs_wasm_comes_out_there() -> None:
    component = linked(SPIN_THEN_CALL, {"note": lambda _state, _number: None})
    caught: list[BaseException] = []

    def work() -> None:
        try:
            sandbox.call(component, "run", [TURNS], limits=PATIENT)
        except JobTimeoutException as failure:
            caught.append(failure)

    thread = threading.Thread(target=work)
    thread.start()
    while not thread.ident:
        pass
    threading.Event().wait(0.05)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(JobTimeoutException))
    thread.join()
    assert len(caught) == 1


LINKERS_OUTLIVE_THE_MODULE = """
import gc
import wasm_plugins.runtime.guard as guard
from tests.runtime.components import VOID_CALLER, linked
kept = [linked(VOID_CALLER, {"note": lambda state, number: None}) for _ in range(5)]
guard.__dict__.clear()
gc.collect()
del kept
gc.collect()
print("alive")
"""


def test_a_linker_that_dies_after_the_modules_names_are_gone_is_no_crash() -> None:
    """An interpreter that ends empties modules first and drops what they held later."""
    done = subprocess.run(
        [sys.executable, "-c", LINKERS_OUTLIVE_THE_MODULE], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "alive", "")
