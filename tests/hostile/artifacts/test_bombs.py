"""Components of a few kilobytes that would keep a compiler busy for minutes, or want gigabytes."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import wasmtime

from tests.components import ok, plugin_component, text_hook
from tests.installed import install
from wasm_plugins import components, storage
from wasm_plugins.exceptions import CompileError
from wasm_plugins.manager import get_plugin_manager
from wasm_plugins.models import Plugin, PluginVersion
from wasm_plugins.runtime.compiled import CompiledCache
from wasm_plugins.runtime.compiler import digest_of
from wasm_plugins.runtime.limits import MIB, CompileLimits
from wasm_plugins.sync import record_upload, sync

LIMITS = CompileLimits(cpu_s=2, wall_s=20, memory_bytes=512 * MIB)


def _bomb(depth: int, variables: int) -> bytes:
    """Nest loops, each of which carries every variable: the compiler's work grows with the product, and faster."""
    steps = "".join(
        f"(local.set {at} (i32.add (local.get {at}) (local.get {(at + 1) % variables})))" for at in range(variables)
    )
    code = "(loop " * depth + steps + "(br_if 0 (local.get 0)))" * depth
    return bytes(
        wasmtime.wat2wasm(f'(component (core module (func (export "f") (local {"i32 " * variables}) {code})))')
    )


TIME_BOMBS = {"3 kB": lambda: _bomb(200, 200), "6 kB": lambda: _bomb(400, 400), "14 kB": lambda: _bomb(850, 850)}
MEMORY_BOMBS = {"50 kB": lambda: _bomb(3_000, 3_000), "66 kB": lambda: _bomb(4_000, 4_000)}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompiledCache:
    """Compile within low limits."""
    made = CompiledCache(tmp_path / "compiled", limits=LIMITS)
    monkeypatch.setattr(components, "compiled_cache", lambda: made)
    return made


@pytest.fixture
def others() -> Iterator[list[float]]:
    """Call another plugin all the while, and collect how long each call took, in seconds."""
    install(plugin_component("parrot", hooks={"speak": text_hook(ok("hello"))}))
    get_plugin_manager().call_hook_dynamic("speak", 1, "")
    times: list[float] = []
    stop = threading.Event()

    def call() -> None:
        try:
            while not stop.wait(0.05):
                started = time.monotonic()
                get_plugin_manager().call_hook_dynamic("speak", 1, "")
                times.append(time.monotonic() - started)
        finally:
            from django.db import connections

            connections.close_all()

    thread = threading.Thread(target=call)
    thread.start()
    yield times
    stop.set()
    thread.join()


def _own_peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", TIME_BOMBS)
def test_s3_11_a_bomb_that_takes_time_ends_its_compiler_and_nothing_else(
    size: str, cache: CompiledCache, others: list[float]
) -> None:
    _ends_its_compiler_only(TIME_BOMBS[size](), cache, others)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", MEMORY_BOMBS)
def test_s3_12_a_bomb_that_takes_memory_ends_its_compiler_and_nothing_else(
    size: str, cache: CompiledCache, others: list[float]
) -> None:
    _ends_its_compiler_only(MEMORY_BOMBS[size](), cache, others)


def _ends_its_compiler_only(data: bytes, cache: CompiledCache, others: list[float]) -> None:
    before_bytes = _own_peak_bytes()
    storage.put_upload("bomb", data)
    started = time.monotonic()
    (outcome,) = [each for each in sync().outcomes if each.key == "plugins/bomb.wasm"]
    took_s = time.monotonic() - started
    assert (outcome.result, outcome.code) == ("refused", CompileError.code)
    assert took_s < LIMITS.wall_s + 10
    assert _own_peak_bytes() - before_bytes < 50 * MIB
    assert others
    assert max(others) < 2
    assert not list(cache.folder.glob("*.draft"))
    version = PluginVersion.objects.get(digest=digest_of(data))
    assert version.state == PluginVersion.State.REFUSED


@pytest.mark.django_db
@pytest.mark.canary_after
def test_s3_11_what_took_a_compiler_to_its_limits_is_not_compiled_again_under_any_name(cache: CompiledCache) -> None:
    data = _bomb(200, 200)
    storage.put_upload("bomb", data)
    sync()
    storage.put_upload("another", data)
    started = time.monotonic()
    outcomes = sync().outcomes
    with pytest.raises(CompileError):
        record_upload(data)
    assert time.monotonic() - started < 1.5
    assert {each.code for each in outcomes} == {CompileError.code}
    assert not Plugin.objects.exclude(current_version=None).exists()
