"""The ways to do the echo job that are not ours: wasmtime as it comes, Extism, a Django signal."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import wasmtime
from django.dispatch import Signal
from wasmtime import component as wc

from wasm_plugins.runtime.compiler import digest_of
from wasm_plugins.runtime.fingerprint import engine_fingerprint

from .components import EXPORT, KEPT, Guest, Missing, extism_module

Echo = Callable[[str], object]
"""Does the job once: takes a text and returns it."""


class RawWasmtime:
    """wasmtime-py as its manual shows it: no limits, no deadline, no guard, and WASI only where it is needed."""

    def __init__(self, guest: Guest) -> None:
        self._engine: Final = _engine()
        self._component: Final = _compiled(guest)
        self._linker: Final = wc.Linker(self._engine)
        imports = self._component.type.imports(self._engine)
        self._needs_wasi: Final = any(name.startswith("wasi:") for name in imports)
        if self._needs_wasi:
            self._linker.add_wasip2()

    def fresh(self, text: str) -> object:
        """Echo in a new store."""
        store = wasmtime.Store(self._engine)
        try:
            return self._echo_in(store)(text)
        finally:
            store.close()

    def warm(self) -> Echo:
        """Return an echo that goes on in one store."""
        return self._echo_in(wasmtime.Store(self._engine))

    def _echo_in(self, store: wasmtime.Store) -> Echo:
        if self._needs_wasi:
            store.set_wasi(wasmtime.WasiConfig())
        function = self._linker.instantiate(store, self._component).get_func(store, EXPORT)
        assert function is not None
        return lambda text: _payload(function(store, text))


@cache
def _engine() -> wasmtime.Engine:
    return wasmtime.Engine()


@cache
def _compiled(guest: Guest) -> wc.Component:
    """Compile, or load what an earlier run on the same wasmtime and processor compiled."""
    file = KEPT / f"raw-{engine_fingerprint()}-{digest_of(guest.data)[:16]}.cwasm"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(wc.Component(_engine(), guest.data).serialize())
    return wc.Component.deserialize_file(_engine(), str(file))


def _payload(answer: Any) -> object:
    """Return the text of a ``result``, which this binding hands out as a tagged variant."""
    return answer.payload


def extism_warm() -> Echo:
    """Return Extism's echo, from text to text, in one plugin that stays.

    Raises:
        Missing: The package extism is not installed.
    """
    try:
        import extism  # type: ignore[import-untyped]
    except ImportError:
        raise Missing("the package extism is not installed") from None
    plugin = extism.Plugin(extism_module(), wasi=False)
    return lambda text: plugin.call(EXPORT, text, parse=lambda answer: bytes(answer).decode())


def signal_with_receiver() -> Echo:
    """Return the same as a Django signal with one receiver, which is no sandbox at all."""
    signal = Signal()

    def receiver(sender: object, text: str, **_: object) -> str:
        return text

    signal.connect(receiver, weak=False)
    return lambda text: signal.send(None, text=text)[0][1]


def signal_without_receivers() -> Callable[[], object]:
    """Return the sending of a signal that nobody receives."""
    signal = Signal()
    return lambda: signal.send(None, text="")
