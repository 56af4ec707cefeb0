"""How much memory a plugin needs: the least limit under which it still does what it did.

The engine does not tell what a call used, so the call is made again under half the limit, and half of that, until it
fails. What a plugin needs lies between the last two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wasm_plugins.exceptions import CallError
from wasm_plugins.kit.fakes import fake_interfaces
from wasm_plugins.kit.plugin_file import PluginFile
from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.contract import PLUGIN_COMMON
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.linker import LinkedComponent
from wasm_plugins.runtime.verification import find_interface

LEAST_BYTES: Final = 64 * 1024
"""One page of WebAssembly memory."""

TRIAL_DEADLINE_MS: Final = 2_000


def least_memory(plugin: PluginFile) -> int | None:
    """Return the least limit, in bytes and a half, quarter … of the default, under which ``get-manifest`` answers.

    ``None`` if it does not answer under the default either.
    """
    linked = LinkedComponent(plugin.component, fake_interfaces())
    interface = find_interface(plugin.component, PLUGIN_COMMON)

    def ask(limits: Limits) -> object:
        return sandbox.call(linked, "get-manifest", interface=interface, limits=limits)

    return least_limit(ask, Limits(deadline_ms=TRIAL_DEADLINE_MS).memory_bytes)


def least_limit(call: Callable[[Limits], object], most_bytes: int) -> int | None:
    """Halve the limit on memory as long as a call goes well, and return the last one that was enough.

    Args:
        call: Makes the call under given limits; whatever ``CallError`` it raises counts as a failure.
        most_bytes: The first limit to try.
    """
    enough = None
    limit = most_bytes
    while limit >= LEAST_BYTES:
        try:
            call(Limits(deadline_ms=TRIAL_DEADLINE_MS, memory_bytes=limit))
        except CallError:
            break
        enough, limit = limit, limit // 2
    return enough
