"""Looking names up, on the real resolver of this machine."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest

from wasm_plugins.host.http import resolver
from wasm_plugins.runtime.wasi.http_types import HttpFailed


def names_being_looked_up() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "wasm-plugins-dns"]


def wait_until_idle() -> None:
    until = time.monotonic() + 10
    while names_being_looked_up() and time.monotonic() < until:
        time.sleep(0.01)
    assert names_being_looked_up() == []


def test_a_name_has_its_addresses_once_each() -> None:
    found = resolver.resolve("localhost", 80, 5, "fetcher")
    assert set(found) & {"127.0.0.1", "::1"}
    assert len(found) == len(set(found))
    wait_until_idle()


def test_a_name_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # what another machine's resolver knows is not the test's
    with pytest.raises(HttpFailed) as caught:
        resolver.resolve("nowhere.invalid", 80, 5, "fetcher")
    assert caught.value.error.case == "DNS-error"
    wait_until_idle()


def test_a_slow_resolver_is_waited_for_no_longer_than_said(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: over.wait(20) and [])
    started = time.monotonic()
    try:
        with pytest.raises(HttpFailed) as caught:
            resolver.resolve("slow.test", 80, 0.1, "fetcher")
        assert (caught.value.error.case, time.monotonic() - started < 5) == ("DNS-timeout", True)
    finally:
        over.set()
        wait_until_idle()


def test_lookups_that_were_given_up_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: over.wait(20) and [])
    try:
        for number in range(resolver.MOST_LOOKUPS + 3):
            with pytest.raises(HttpFailed):
                resolver.resolve("slow.test", 80, 0.01, f"fetcher-{number}")
        assert len(names_being_looked_up()) == resolver.MOST_LOOKUPS
    finally:
        over.set()
        wait_until_idle()
    monkeypatch.undo()
    assert resolver.resolve("localhost", 80, 5, "fetcher")


def test_names_of_one_plugin_that_hang_leave_the_others_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    over, really = threading.Event(), socket.getaddrinfo

    def look_up(host: str, *args: Any, **options: Any) -> Any:
        return (over.wait(20) and []) if host == "slow.test" else really(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    try:
        for _ in range(resolver.MOST_LOOKUPS):
            with pytest.raises(HttpFailed):
                resolver.resolve("slow.test", 80, 0.01, "starving")
        assert len(names_being_looked_up()) == resolver.MOST_OF_ONE
        assert resolver.resolve("localhost", 80, 5, "fetcher")
    finally:
        over.set()
        wait_until_idle()
    assert resolver.resolve("localhost", 80, 5, "starving")
