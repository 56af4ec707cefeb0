"""One engine for each process, made at first use and usable again after a fork."""

from __future__ import annotations

import ctypes
import os
import threading
from functools import partial
from typing import Final

import wasmtime
from wasmtime import _ffi as ffi

from . import native
from .ticker import Ticker

STRATEGY: Final = "cranelift"
"""The compiler; the other one has had sandbox escapes of its own."""

WASM_STACK_BYTES: Final = 512 * 1024
"""Stack of wasm code: more than 2 MiB aborts the process, and threads with small stacks need the room."""

OFF: Final = (
    "wasm_threads",
    "wasm_tail_call",
    "wasm_memory64",
    "wasm_relaxed_simd",
    "wasm_exceptions",
    "wasm_function_references",
    "wasm_gc",
    "wasm_wide_arithmetic",
    "wasm_custom_page_sizes",
    "wasm_stack_switching",
)
"""Proposals that no plugin toolchain needs: code that is off cannot be attacked.

Multiple memories stay on: a component of several parts, as JavaScript's are, copies between memories in code that
wasmtime itself writes with that proposal, and its compiler panics without it.
"""

OFF_RAW: Final = (
    "wasmtime_config_wasm_component_model_async_set",
    "wasmtime_config_wasm_component_model_map_set",
    "wasmtime_config_concurrency_support_set",  # on, wasmtime 50 fails at every list of two borrowed handles
)
"""The same, for switches that the Python class lacks; older releases lack the proposal as well."""


CONFIG_REVISION: Final = "3"
"""Raise it whenever the configuration below changes, so that no code compiled for another one is loaded."""


def make_config(*, parallel_compilation: bool = False) -> wasmtime.Config:
    """Return the one configuration that compiled code, its cache and its users agree on.

    Args:
        parallel_compilation: Compile on several threads. Only for a process that never forks: after a parallel
            compile, every compile in a forked child hangs for ever.
    """
    config = wasmtime.Config()
    config.strategy = STRATEGY
    config.epoch_interruption = True
    config.parallel_compilation = parallel_compilation
    config.max_wasm_stack = WASM_STACK_BYTES
    for name in OFF:
        if hasattr(type(config), name):
            setattr(config, name, False)
    for name in OFF_RAW:
        if (switch := getattr(ffi, name, None)) is not None:
            switch(config.ptr(), False)
    return config


class Runtime:
    """The engine of this process and the ticker that moves its epoch."""

    def __init__(self) -> None:
        self.engine: Final = wasmtime.Engine(make_config())
        self.ticker: Final = Ticker(partial(native.increment_epoch, ctypes.cast(self.engine.ptr(), ctypes.c_void_p)))


_lock = threading.Lock()
_runtime: Runtime | None = None


def get_runtime() -> Runtime:
    """Return this process's runtime, made at the first call.

    Never call this while a module is imported or in ``AppConfig.ready()``: wasmtime installs signal handlers, and
    ``faulthandler.enable()`` after that turns the first trap of a plugin into the death of the process.
    """
    global _runtime
    if _runtime is None:
        with _lock:
            if _runtime is None:
                _runtime = Runtime()
    return _runtime


def _after_fork() -> None:
    """Keep the engine, whose code is still mapped, and forget what only the parent's threads could release."""
    global _lock
    _lock = threading.Lock()
    if _runtime is not None:
        _runtime.ticker.reset()


os.register_at_fork(after_in_child=_after_fork)
