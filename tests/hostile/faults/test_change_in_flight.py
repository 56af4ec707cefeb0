"""An admin changes a plugin while a hundred of its calls run: they end as they began, and new ones see the new."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from django.db import connections
from pytest_django import Settings

from tests.components import ok, plugin_component, text_hook
from tests.hostile.asked import another_process
from tests.hostile.bodies import busy
from tests.hostile.server import wait_until
from tests.installed import install
from wasm_plugins import get_plugin_manager, lifecycle
from wasm_plugins.health.bulkhead import bulkhead
from wasm_plugins.models import Plugin
from wasm_plugins.registry import mark_changed
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 100
IN_EACH = 50  # so many connections does a server take from one process beside all others
ROUNDS = 40_000_000


def slow(answer: str) -> bytes:
    """A plugin that answers after a while."""
    return plugin_component("parrot", hooks={"speak": text_hook(busy(ROUNDS, answer))})


def call(answers: list[str]) -> None:
    try:
        found = get_plugin_manager().call_hook_dynamic("speak", 1, "", deadline_ms=60_000)
        answers.append(",".join(map(str, found.values)))
    finally:
        connections.close_all()


@contextmanager
def calls_in_flight(count: int) -> Iterator[list[str]]:
    """Have calls run while the block does; afterwards they have ended, and the list has their answers."""
    answers: list[str] = []
    threads = [threading.Thread(target=call, args=(answers,)) for _ in range(count)]
    with ExitStack() as joined:
        for thread in threads:
            thread.start()
            joined.callback(thread.join)
        wait_until(lambda: bulkhead._running["parrot"] + len(answers) == count, "all calls run")
        yield answers


@pytest.fixture
def parrot(settings: Settings) -> Plugin:
    settings.WASM_PLUGINS_CONCURRENT_CALLS = AT_ONCE
    plugin = install(slow("one"))
    Plugin.objects.filter(pk=plugin.pk).update(limits={"concurrent_calls": AT_ONCE})
    mark_changed()
    record_upload(plugin_component("parrot", hooks={"speak": text_hook(ok("two"))}))
    return plugin


def disable(plugin: Plugin) -> str:
    lifecycle.disable(plugin)
    return ""


def upgrade(plugin: Plugin) -> str:
    lifecycle.use_version(plugin, 2)
    return "two"


def roll_back(plugin: Plugin) -> str:
    version = record_upload(plugin_component("parrot", hooks={"speak": text_hook(ok("zero"))}))
    lifecycle.use_version(plugin, version.number)
    lifecycle.use_version(plugin, 2)
    return "two"


@pytest.mark.slow
@pytest.mark.parametrize("change", [disable, upgrade, roll_back])
def test_if_11_running_calls_finish_on_their_snapshot_and_all_processes_see_the_new_one(
    parrot: Plugin, child_environment: dict[str, str], change: Callable[[Plugin], str]
) -> None:
    with another_process(child_environment, "speak") as ask:
        assert ask() == "one"
        seen: Counter[str] = Counter()
        for _ in range(AT_ONCE // IN_EACH):
            lifecycle.use_version(parrot, 1)
            lifecycle.enable(parrot, version=1)
            with calls_in_flight(IN_EACH) as answers:
                expected = change(parrot)
                after: list[str] = []
                call(after)
                assert after == [expected]
            seen.update(answers)
        assert seen == {"one": AT_ONCE}
        started = time.monotonic()
        wait_until(lambda: ask() == expected, "the other process sees it", timeout_s=10)
        assert time.monotonic() - started < 10
