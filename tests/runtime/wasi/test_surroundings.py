"""What a plugin finds around it: real clocks and random numbers, and otherwise nothing."""

from __future__ import annotations

import time

import pytest

from tests.runtime.wasi.probe import CLOSED, MS, Probe
from wasm_plugins.exceptions import LimitExceeded, PluginTrapped
from wasm_plugins.runtime.wasi.random import RANDOM_BYTES


def test_the_wall_clock_is_right_to_a_millisecond(probe: Probe) -> None:
    before = time.time_ns()
    seen = probe.ask("wall-ns")
    assert before - MS <= seen <= time.time_ns()
    assert seen % MS == 0


def test_the_monotonic_clock_moves_in_milliseconds(probe: Probe) -> None:
    seen = [probe.ask("now") for _ in range(50)]
    assert seen == sorted(seen)
    assert all(moment % MS == 0 for moment in seen)


@pytest.mark.parametrize("export", ["random", "random-u64", "seed"])
def test_random_numbers_are_new_in_every_call(probe: Probe, export: str) -> None:
    assert len({probe.ask(export, 8) for _ in range(50)}) == 50


@pytest.mark.parametrize("size", [0, 1, RANDOM_BYTES])
def test_random_bytes_are_as_many_as_were_asked_for(probe: Probe, size: int) -> None:
    assert probe.ask("random-size", size) == size


@pytest.mark.parametrize("size", [RANDOM_BYTES + 1, 2**62, 2**64 - 1])
def test_too_many_random_bytes_end_the_call(probe: Probe, size: int) -> None:
    with pytest.raises(LimitExceeded) as caught:
        probe.ask("random-size", size)
    assert caught.value.limit == "random_bytes"


def test_environment_arguments_folders_and_terminal_are_empty(probe: Probe) -> None:
    assert probe.ask("surroundings") == 0


@pytest.mark.parametrize("export", ["make-socket", "look-up"])
def test_the_network_is_denied(probe: Probe, export: str) -> None:
    assert probe.ask(export) == CLOSED


@pytest.mark.parametrize(("export", "status"), [("exit", 0), ("exit", 1), ("exit-with-code", 42)])
def test_an_exit_ends_the_call_and_says_its_code(probe: Probe, export: str, status: int) -> None:
    with pytest.raises(PluginTrapped, match=f"code {status} "):
        probe.ask(export, status)
    assert probe.ask("surroundings") == 0
