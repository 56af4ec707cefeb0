"""Upgrades under load, and many plugins of which some are broken: bounded, and longer with the soak's factor."""

from __future__ import annotations

import gc
import os
import resource
import threading
import time
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import Settings

from tests.components import ok, plugin_component, text_hook
from tests.installed import install
from wasm_plugins import components, lifecycle, storage
from wasm_plugins.manager import get_plugin_manager
from wasm_plugins.models import Plugin
from wasm_plugins.registry import Registry
from wasm_plugins.runtime.compiled import CompiledCache
from wasm_plugins.sync import record_upload, sync
from wasm_plugins.warming import warm

pytestmark = [pytest.mark.canary_after, pytest.mark.django_db(transaction=True), pytest.mark.slow]

FACTOR = float(os.environ.get("WASM_PLUGINS_SOAK_FACTOR", "1"))
UPGRADES = max(2, int(10 * FACTOR))
PLUGINS = max(6, int(30 * FACTOR))
BROKEN = PLUGINS // 6
MIB = 1024 * 1024


def _greeter(number: int) -> bytes:
    return plugin_component("greeter", hooks={"order-placed": text_hook(ok(f"hello {number}"))})


def _maps() -> int:
    maps = Path("/proc/self/maps")
    return maps.read_text().count(".cwasm") if maps.exists() else 0


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class _Callers:
    """Threads that call a hook twenty times a second altogether."""

    def __init__(self) -> None:
        self.answers: list[object] = []
        self.errors: list[Exception] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(2)]

    def __enter__(self) -> _Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        try:
            while not self._stop.wait(0.1):
                results = get_plugin_manager().call_hook_dynamic("order-placed", 1, "")
                self.answers.extend(each.value for each in results)
        except Exception as error:
            self.errors.append(error)
        finally:
            connections.close_all()


def test_ls_05_upgrades_under_load_lose_no_call_and_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = install(_greeter(0))
    folder = tmp_path / "cache"
    size_bytes = max(path.stat().st_size for path in components.compiled_cache().folder.glob("*.cwasm"))
    cache = CompiledCache(folder, quota_bytes=3 * max(size_bytes, 40_000))
    monkeypatch.setattr(components, "compiled_cache", lambda: cache)
    with _Callers() as callers:
        before_bytes, maps = _peak_bytes(), _maps()
        for number in range(1, UPGRADES + 1):
            version = record_upload(_greeter(number))
            lifecycle.use_version(plugin, version.number)
            time.sleep(0.1)
        time.sleep(1.5)
    gc.collect()
    assert callers.errors == []
    assert callers.answers[-1] == f"hello {UPGRADES}"
    assert _peak_bytes() - before_bytes < 60 * MIB
    assert _maps() - maps <= 4
    assert sum(path.stat().st_size for path in folder.glob("*.cwasm")) <= cache.quota_bytes + size_bytes


def test_ls_09_many_plugins_of_which_some_are_broken_start_warm(settings: Settings, plugin_folder: Path) -> None:
    for number in range(PLUGINS):
        name = f"plugin-{number}"
        storage.put_upload(name, plugin_component(name, hooks={"order-placed": text_hook(ok(name))}))
    for number in range(BROKEN):
        storage.put_upload(f"broken-{number}", b"<html>" + bytes([number]))
    report = sync()
    assert (report.found, report.refused) == (PLUGINS + BROKEN, BROKEN)
    for plugin in Plugin.objects.filter(name__startswith="plugin-"):
        lifecycle.enable(plugin)
    warm()
    components.forget(keep=())
    started = time.monotonic()
    snapshot = Registry().current()
    warm()
    assert time.monotonic() - started < 5
    assert len(snapshot.hooks["order-placed"]) == PLUGINS
    assert len(get_plugin_manager().call_hook_dynamic("order-placed", 1, "")) == PLUGINS
    broken = Plugin.objects.filter(name__startswith="broken-", current_version=None, versions__state="refused")
    assert broken.count() == BROKEN
