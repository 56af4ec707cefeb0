"""Calls are counted by the hour, in memory first, by many threads and processes, and none is counted twice."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from tests.components import err, json_handler, ok, plugin_component, trap
from tests.installed import install
from wasm_plugins import get_plugin_manager
from wasm_plugins.call_counts import CallCounts, _write_all, call_counts
from wasm_plugins.exceptions import PluginFailed, PluginTrapped
from wasm_plugins.models import CallCount
from wasm_plugins.outbox import outbox
from wasm_plugins.retention import prune


@pytest.fixture(autouse=True)
def from_zero() -> None:
    """Forget what other tests' calls left."""
    call_counts.take()


def _rows() -> list[tuple[str, int, int]]:
    return list(CallCount.objects.order_by("plugin", "hour").values_list("plugin", "calls", "failures"))


@pytest.mark.django_db
def test_calls_are_counted_with_those_that_failed_and_an_err_is_no_failure() -> None:
    tasks = {"good": json_handler(ok("{}")), "no": json_handler(err("no")), "bad": json_handler(trap())}
    install(plugin_component("greeter", tasks=tasks))
    manager = get_plugin_manager()
    for _ in range(3):
        manager.execute_task("greeter/good", {})
    with pytest.raises(PluginFailed):
        manager.execute_task("greeter/no", {})
    with pytest.raises(PluginTrapped):
        manager.execute_task("greeter/bad", {})
    outbox.flush()
    assert _rows() == [("greeter", 5, 1)]
    hour = CallCount.objects.get().hour
    assert hour <= timezone.now() < hour + timedelta(hours=1)


@pytest.mark.django_db
def test_counts_of_several_processes_add_up() -> None:
    one, other = CallCounts(), CallCounts()
    for _ in range(2):
        for counts in (one, other):
            for number in range(100):
                counts.add("greeter", has_failed=number % 10 == 0)
            _write_all([counts])
    assert _rows() == [("greeter", 400, 40)]
    _write_all([one])
    assert _rows() == [("greeter", 400, 40)]


def test_many_threads_lose_no_call() -> None:
    counts = CallCounts()

    def call() -> None:
        for _ in range(1_000):
            counts.add("greeter", has_failed=False)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(calls for calls, _ in counts.take().values()) == 4_000


@pytest.mark.django_db
def test_what_could_not_be_written_is_counted_later(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = CallCounts()
    counts.add("greeter", has_failed=True)
    with monkeypatch.context() as broken:
        broken.setattr("wasm_plugins.call_counts._add", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            _write_all([counts])
    counts.add("greeter", has_failed=False)
    _write_all([counts])
    assert _rows() == [("greeter", 2, 1)]


@pytest.mark.django_db
def test_counts_of_long_ago_are_pruned() -> None:
    now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    for hours in (1, 47, 49):
        CallCount.objects.create(hour=now - timedelta(hours=hours), plugin="greeter", calls=hours)
    prune(now)
    assert sorted(calls for _, calls, _ in _rows()) == [1, 47]


@pytest.mark.django_db(transaction=True)
def test_a_count_is_in_the_database_within_seconds_without_another_call() -> None:
    call_counts.add("greeter", has_failed=False)
    for _ in range(100):
        if _rows():
            break
        threading.Event().wait(0.1)
    assert _rows() == [("greeter", 1, 0)]
    outbox.flush()
