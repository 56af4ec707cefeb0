"""The first call of a process looks into storage beside itself, once for the fleet within an interval."""

from __future__ import annotations

import threading
import time

import pytest
from django_rq import get_connection
from pytest_django import Settings
from rq.job import Job

from tests.components import ok, plugin_component, text_hook
from wasm_plugins import storage
from wasm_plugins.first_use import sync_in_background
from wasm_plugins.models import Plugin, SyncState
from wasm_plugins.registry import Registry

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def uploaded(settings: Settings) -> None:
    settings.WASM_PLUGINS_SYNC_INTERVAL_S = 60
    storage.put_upload("parrot", plugin_component("parrot", hooks={"speak": text_hook(ok("hello"))}))


def wait_for_the_look() -> None:
    for thread in threading.enumerate():
        if thread.name == "wasm-plugins-sync":
            thread.join(timeout=30)


def test_what_lies_in_storage_is_found_and_off(uploaded: None) -> None:
    registry = Registry()
    registry.when_first_used = sync_in_background
    assert registry.current().plugins == {}  # the caller did not wait
    wait_for_the_look()
    assert not Plugin.objects.get(name="parrot").is_enabled


def test_only_the_first_call_looks_and_only_once_in_an_interval(uploaded: None) -> None:
    looks: list[float] = []
    registry = Registry()
    registry.when_first_used = lambda: looks.append(time.monotonic())
    for _ in range(3):
        registry.invalidate()
        registry.current()
    assert len(looks) == 1
    sync_in_background()
    wait_for_the_look()
    first = SyncState.objects.get().last_started_at
    sync_in_background()
    wait_for_the_look()
    assert SyncState.objects.get().last_started_at == first


def test_no_thread_is_started_where_the_project_wants_no_look(settings: Settings) -> None:
    settings.WASM_PLUGINS_SYNC_INTERVAL_S = 0
    sync_in_background()
    assert "wasm-plugins-sync" not in [thread.name for thread in threading.enumerate()]


def test_no_thread_is_started_in_a_job_of_rq_that_calls_a_plugin(
    uploaded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: started.append(thread.name))
    job = Job.create(sync_in_background, connection=get_connection())
    job.perform()
    assert started == []
    sync_in_background()
    assert started == ["wasm-plugins-sync"]
