"""The watchdog: what is to be cut is cut, whatever else keeps it busy."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from wasm_plugins.host.sql.watchdog import CUT_AFTER_MS, Watchdog
from wasm_plugins.runtime.stopping import Stop, stoppable

HANGS_S = 0.5


class Link:
    """As much of a connection as the watchdog uses: a real socket, and a server to which a cancellation gets late."""

    def __init__(self, hangs_s: float = HANGS_S) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.hangs_s = hangs_s
        self.times_cancelled = 0

    def fileno(self) -> int:
        return self.ours.fileno()

    def cancel_safe(self, *, timeout: float) -> None:
        self.times_cancelled += 1
        time.sleep(min(timeout, self.hangs_s))

    def wait_until_cut(self, timeout_s: float) -> bool:
        self.theirs.settimeout(timeout_s)
        try:
            return self.theirs.recv(1) == b""
        except TimeoutError:
            return False

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def links() -> Iterator[list[Link]]:
    made: list[Link] = []
    yield made
    for link in made:
        link.close()


def test_cuts_that_are_due_wait_for_one_cancellation_at_most(links: list[Link]) -> None:
    watchdog, began = Watchdog(), time.monotonic()
    links += [Link() for _ in range(12)]
    watches = [watchdog.add(link, 100) for link in links]
    left_s = 0.1 + CUT_AFTER_MS / 1_000 + HANGS_S + 0.5
    for link in links:
        assert link.wait_until_cut(max(0.01, began + left_s - time.monotonic()))
    for watch in watches:
        watchdog.remove(watch)


def test_who_hangs_is_cancelled_once_and_keeps_others_waiting_for_that_long_only(links: list[Link]) -> None:
    watchdog = Watchdog()
    links += [Link(), Link(0)]
    watches = [watchdog.add(link, 60_000) for link in links]
    for watch in watches:
        watch.cancel_at = time.monotonic()
    give_up_at = time.monotonic() + 20
    while [link.times_cancelled for link in links] != [1, 1] and time.monotonic() < give_up_at:
        time.sleep(0.05)
    time.sleep(0.5)  # long enough for a second cancellation, if there were one
    assert [link.times_cancelled for link in links] == [1, 1]
    for watch in watches:
        watchdog.remove(watch)
    assert not links[0].wait_until_cut(0.05), "its time was not over"


def test_many_threads_come_and_go(links: list[Link]) -> None:
    watchdog = Watchdog()
    links += [Link(0) for _ in range(8)]

    def use(link: Link) -> None:
        for _ in range(50):
            watchdog.remove(watchdog.add(link, 1_000))

    threads = [threading.Thread(target=use, args=(link,)) for link in links]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not watchdog._watches


def test_a_statement_of_a_call_that_somebody_stopped_is_cancelled_long_before_its_time(links: list[Link]) -> None:
    watchdog, stop = Watchdog(), Stop()
    links += [Link(0), Link(0)]
    with stoppable(stop):
        watch = watchdog.add(links[0], 60_000)
    other = watchdog.add(links[1], 60_000)
    stop.ask()
    time.sleep(1)
    watchdog.remove(watch)
    watchdog.remove(other)
    assert [link.times_cancelled for link in links] == [1, 0]
