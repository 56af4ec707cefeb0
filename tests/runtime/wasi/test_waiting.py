"""Waiting: it happens on the host's side, and the call's deadline ends it."""

from __future__ import annotations

import time

import pytest

from tests.runtime.wasi.probe import MS, Probe
from wasm_plugins.exceptions import DeadlineExceeded, LimitExceeded, PluginTrapped
from wasm_plugins.runtime.handles import MOST_HANDLES

HOUR_NS = 3600 * 1000 * MS


@pytest.mark.parametrize("duration_ns", [0, 1, MS, 20 * MS, 20 * MS + 1])
def test_a_sleep_lasts_as_long_as_the_plugins_own_clock_says(probe: Probe, duration_ns: int) -> None:
    begin = time.monotonic_ns()
    slept_ns = probe.ask("sleep", duration_ns)
    assert duration_ns <= slept_ns <= time.monotonic_ns() - begin + MS


def test_a_sleep_until_a_moment_ends_when_the_clock_shows_it(probe: Probe) -> None:
    moment_ns = time.monotonic_ns() + 20 * MS
    assert probe.ask("sleep-until", moment_ns) >= moment_ns


def test_a_sleep_until_a_moment_that_is_over_does_not_wait(probe: Probe) -> None:
    probe.ask("sleep-until", 1, deadline_ms=1_000)


def test_polling_returns_what_is_ready_first(probe: Probe) -> None:
    assert probe.ask("poll", 5 * MS) == (1 << 32) + 1


def test_a_pollable_tells_whether_it_is_ready(probe: Probe) -> None:
    assert (probe.ask("is-ready", 0), probe.ask("is-ready", HOUR_NS)) == (1, 0)


@pytest.mark.parametrize("export", ["sleep", "sleep-until", "poll", "spin-on-ready"])
@pytest.mark.parametrize("number", [HOUR_NS * 24 * 365, 2**64 - 1])
def test_waiting_ends_at_the_deadline(probe: Probe, export: str, number: int) -> None:
    begin = time.monotonic()
    with pytest.raises(DeadlineExceeded) as caught:
        probe.ask(export, number, deadline_ms=100)
    assert 0.1 <= time.monotonic() - begin < 2.0
    assert caught.value.deadline_ms == 100


def test_polling_nothing_is_a_crash(probe: Probe) -> None:
    with pytest.raises(PluginTrapped):
        probe.ask("poll-nothing")


def test_polling_the_most_handles_is_possible(probe: Probe) -> None:
    assert probe.ask("poll-many", MOST_HANDLES) == MOST_HANDLES


def test_polling_more_than_the_most_handles_ends_the_call(probe: Probe) -> None:
    with pytest.raises(LimitExceeded) as caught:
        probe.ask("poll-many", MOST_HANDLES + 1)
    assert caught.value.limit == "handles"


def test_dropped_handles_are_forgotten(probe: Probe) -> None:
    assert probe.ask("hold-and-drop", 5 * MOST_HANDLES, deadline_ms=60_000) == 0


def test_handles_that_are_kept_are_counted(probe: Probe) -> None:
    with pytest.raises(LimitExceeded) as caught:
        probe.ask("hold", MOST_HANDLES + 1)
    assert caught.value.limit == "handles"
