"""A host without Django: every interface that a plugin may import, one file for each, for trying plugins out.

Types and refusals are those of the real host. What answers is on a ``FakeHost``, one for each call; while a manifest is
asked for there is none, and the answer is the real host's then.
"""

from __future__ import annotations

from functools import cache

from wasm_plugins.runtime.linker import HostInterface, Interfaces
from wasm_plugins.runtime.wasi import wasi_interfaces

from . import authorization, config, http, keyvalue, logging, progress, run, transaction
from .fake_host import FakeHost

__all__ = ["FakeHost", "fake_interfaces"]


@cache
def fake_interfaces() -> Interfaces:
    """Return everything that a component may import, by interface name without version."""
    ours: list[HostInterface] = [
        transaction.INTERFACE,
        authorization.INTERFACE,
        progress.INTERFACE,
        run.INTERFACE,
        config.INTERFACE,
        logging.INTERFACE,
        *http.INTERFACES,
        *keyvalue.INTERFACES,
    ]
    return {**wasi_interfaces(), **{interface.name: interface for interface in ours}}
