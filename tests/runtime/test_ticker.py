"""A deadline is wall-clock time: with busy threads, after a fork, and at no cost while nothing runs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from wasm_plugins.exceptions import DeadlineExceeded
from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.ticker import LATE_S, PERIOD_S, STUCK_S, Ticker

from .components import COUNT, FORKS_ON_PURPOSE, SPIN, linked

ROOT = Path(__file__).resolve().parents[2]
IN_A_FORK = """
import os, sys
from tests.runtime.components import SPIN, linked
from wasm_plugins.exceptions import DeadlineExceeded
from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.limits import Limits

def spin():
    try:
        sandbox.call(linked(SPIN), "run", limits=Limits(deadline_ms=100))
    except DeadlineExceeded:
        return 7
    return 1

spin()
child = os.fork()
if child == 0:
    os._exit(spin())
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) if spin() == 7 else 1)
"""


class Epoch:
    """Counts like an engine's epoch."""

    def __init__(self) -> None:
        self.ticks = 0

    def increment(self) -> None:
        self.ticks += 1


def test_a_deadline_holds_while_eight_python_threads_are_busy() -> None:
    component = linked(SPIN)
    stop = threading.Event()

    def burn() -> None:
        while not stop.is_set():
            sum(range(1_000))

    threads = [threading.Thread(target=burn) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            sandbox.call(component, "run", limits=Limits(deadline_ms=200))
        took_s = time.monotonic() - started
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert 0.2 <= took_s < 3.0


def test_many_deadlines_of_several_threads_each_hold() -> None:
    component = linked(SPIN)
    took: list[tuple[int, float]] = []

    def spin(deadline_ms: int) -> None:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            sandbox.call(component, "run", limits=Limits(deadline_ms=deadline_ms))
        took.append((deadline_ms, (time.monotonic() - started) * 1000))

    threads = [threading.Thread(target=spin, args=[deadline_ms]) for deadline_ms in (60, 120, 180, 240)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(took) == 4
    assert all(deadline_ms <= took_ms < deadline_ms + 1_500 for deadline_ms, took_ms in took)


def test_nothing_ticks_while_nothing_runs() -> None:
    epoch = Epoch()
    ticker = Ticker(epoch.increment)
    with ticker.running():
        time.sleep(PERIOD_S * 4)
    time.sleep(PERIOD_S * 4)
    thread = ticker._thread
    assert thread is not None
    assert thread.native_id is not None
    before = epoch.ticks, _switches(thread.native_id)
    assert epoch.ticks > 0
    time.sleep(PERIOD_S * 20)
    assert (epoch.ticks, _switches(thread.native_id)) == before


def _switches(thread_id: int) -> str:
    """Return how often a thread gave up its processor of its own accord: each sleep is one."""
    lines = Path(f"/proc/self/task/{thread_id}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith("voluntary_ctxt_switches"))


def test_one_thread_serves_all_calls() -> None:
    ticker = Ticker(lambda: None)
    with ticker.running(), ticker.running():
        first = ticker._thread
    with ticker.running():
        assert ticker._thread is first


def test_the_epoch_follows_the_clock() -> None:
    epoch = Epoch()
    ticker = Ticker(epoch.increment)
    with ticker.running():
        started = time.monotonic()
        ahead = ticker.ticks_until(started + 0.3)
        while epoch.ticks < ahead and time.monotonic() < started + 5:
            time.sleep(PERIOD_S)
        assert 0.29 <= time.monotonic() - started < 2


def test_a_late_ticker_shortens_no_budget() -> None:
    epoch = Epoch()
    ticker = Ticker(epoch.increment)
    with ticker.running():
        with ticker._lock:  # as if the ticker got no turn for a while
            behind = epoch.ticks
            time.sleep(0.1)
        at = time.monotonic() + 0.05
        ahead = ticker.ticks_until(at)
        assert epoch.ticks + ahead >= behind + (0.1 + 0.05) / PERIOD_S - 1


def test_a_moment_that_has_passed_is_one_tick_away() -> None:
    ticker = Ticker(lambda: None)
    with ticker.running():
        assert ticker.ticks_until(time.monotonic() - 10) == 1


def test_a_block_that_was_open_across_a_reset_counts_no_more() -> None:
    ticker = Ticker(lambda: None)
    with ticker.running():
        ticker.reset()
    assert ticker._running == 0


def test_deadlines_hold_in_a_forked_child_and_in_its_parent_after() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", FORKS_ON_PURPOSE, "-c", IN_A_FORK],
        cwd=ROOT,
        env={**os.environ},
        timeout=60,
        check=False,
        capture_output=True,
    )
    assert (ended.returncode, ended.stderr) == (7, b"")


def test_a_call_after_a_long_pause_has_its_whole_budget() -> None:
    component = linked(COUNT)
    sandbox.call(component, "run")
    time.sleep(0.3)
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        sandbox.call(linked(SPIN), "run", limits=Limits(deadline_ms=150))
    assert time.monotonic() - started >= 0.15


def test_a_call_that_begins_makes_the_ticks_that_a_late_ticker_owes() -> None:
    epoch = Epoch()
    ticker = Ticker(epoch.increment)
    with ticker.running():
        with ticker._lock:
            ticker._ticked_at -= LATE_S * 2
            ticker._origin -= 10
            behind = epoch.ticks
        ticker._watch()
        assert epoch.ticks >= behind + 10 / PERIOD_S


def test_a_thread_that_has_no_turn_for_long_is_replaced_and_the_clock_goes_on() -> None:
    epoch = Epoch()
    ticker = Ticker(epoch.increment)
    with ticker.running():
        stuck = ticker._thread
        with ticker._lock:
            ticker._turned_at -= STUCK_S * 2
            ticker._watch()
        assert stuck is not None and ticker._thread is not stuck
        stuck.join(5)
        assert not stuck.is_alive()
        before = epoch.ticks
        time.sleep(PERIOD_S * 20)
        assert epoch.ticks > before


@pytest.mark.parametrize(
    ("said", "comes"), [("release unlocked lock", KeyboardInterrupt), ("can't start new thread", RuntimeError)]
)
def test_what_interrupts_the_start_of_the_thread_comes_out(
    monkeypatch: pytest.MonkeyPatch, said: str, comes: type[BaseException]
) -> None:
    def start(_thread: threading.Thread) -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError(said)

    ticker = Ticker(lambda: None)
    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(comes), ticker.running():
        pass
    monkeypatch.undo()
    with ticker.running():
        pass
