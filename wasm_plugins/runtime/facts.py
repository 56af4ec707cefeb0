"""Facts about this engine and this machine that rule an upstream advisory out; each is looked up, none is assumed."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from wasmtime import Config
from wasmtime import _ffi as ffi

from . import engine

_OURS: Final = Path(__file__).parent
_CORE_VERSION: Final = re.compile(rb"(?<![\d.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?![\d.])")


def wheel_version() -> str:
    """Return the version of the Python package."""
    return version("wasmtime")


def core_version() -> str | None:
    """Return the version of the core inside the package's library, which may be older than the package; reads 30 MB.

    The library has no function that tells it, but its report of a defect carries it: the texts in the library that look
    like a version of the package's own major release. ``None`` when they disagree or there are none.
    """
    major = wheel_version().partition(".")[0].encode()
    found = {match[0] for match in _CORE_VERSION.finditer(_library()) if match[1] == major}
    return found.pop().decode() if len(found) == 1 else None


def true_facts() -> frozenset[str]:
    """List the facts that hold here."""
    return frozenset(name for name, holds in FACTS.items() if holds())


def _library() -> bytes:
    return Path(ffi.dll._name).read_bytes()


def _is_off(*names: str) -> Callable[[], bool]:
    """Tell whether proposals are off: in the list of switches, and the switch exists in this release."""
    return lambda: all(name in engine.OFF and hasattr(Config, name) for name in names)


def _is_raw_off(name: str) -> Callable[[], bool]:
    return lambda: name in engine.OFF_RAW and _has_symbol(name)


def _has_symbol(name: str) -> bool:
    try:
        ffi.dll[name]
    except AttributeError:
        return False
    return True


def _never_says(*words: str) -> Callable[[], bool]:
    """Tell whether no module of the runtime, the only place that imports wasmtime, uses a name."""
    return lambda: not any(word in text for text in _sources() for word in words)


def _leaves_stores_alone() -> bool:
    """Tell whether the one function that a store calls in the midst of a call does not look into that store."""
    users = [text for text in _sources() if "native.epoch_callback" in text]
    return len(users) == 1 and users[0].count("_context") == 1


def _sources() -> list[str]:
    return [path.read_text() for path in sorted(_OURS.rglob("*.py")) if path.name != Path(__file__).name]


FACTS: Final[Mapping[str, Callable[[], bool]]] = {
    "no-gc": _is_off("wasm_gc", "wasm_function_references"),
    "no-exceptions": _is_off("wasm_exceptions"),
    "no-component-async": _is_raw_off("wasmtime_config_wasm_component_model_async_set"),
    "no-native-wasi": _never_says("add_wasip2", "define_wasi", "set_wasi", "WasiConfig"),
    "no-native-http": _never_says("add_wasi_http"),
    "components-only": _never_says("wasmtime.Module(", "wasmtime.Func(", "wasmtime.Caller"),
    "cranelift-only": lambda: engine.STRATEGY == "cranelift",
    "one-engine": _never_says("wasmtime.StructType"),
    "fresh-store": _leaves_stores_alone,
    "built-with-gc": lambda: _has_symbol("wasmtime_config_wasm_gc_set"),
    "built-with-threads": lambda: _has_symbol("wasmtime_config_wasm_threads_set"),
    "not-aarch64": lambda: platform.machine().lower() not in ("aarch64", "arm64"),
    "not-windows": lambda: platform.system() != "Windows",
}
"""How each fact that an advisory may name is made sure of.

``fresh-store`` also stands on one call, one store, which ``sandbox`` promises and its tests hold.
"""
