"""The way from wasm into Python: no signal is raised before the ``try`` of the function that wasm calls."""

from __future__ import annotations

import dis
import signal
from collections.abc import Callable, Iterator

import pytest

from wasm_plugins.runtime import guard
from wasm_plugins.runtime.entrance import entrance


class Alarm(Exception):
    """What the signal raises."""


def plain() -> str:
    try:
        return "answered"
    except Alarm:
        return "caught"


@entrance
def guarded(act: Callable[[], object]) -> str:
    try:
        act()
        return "answered"
    except Alarm:
        return "caught"


@pytest.fixture
def alarm() -> Iterator[None]:
    """Make SIGALRM raise."""

    def ring(*_: object) -> None:
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    yield
    signal.signal(signal.SIGALRM, before)


def _entry_argument(function: object) -> int | None:
    return next(each.arg for each in dis.get_instructions(function) if each.opname == "RESUME")  # type: ignore[arg-type]


@pytest.mark.parametrize("function", [guarded, guard._called, guard._dropped])
def test_an_entrance_does_not_look_for_signals(function: object) -> None:
    assert _entry_argument(plain) == 0
    assert _entry_argument(function) == 2


@pytest.mark.usefixtures("alarm")
def test_an_entrance_works_as_it_did_and_catches_what_comes_after_it() -> None:
    assert guarded(lambda: None) == "answered"
    assert guarded(lambda: signal.raise_signal(signal.SIGALRM)) == "caught"
