"""The interfaces that the host offers to plugins, one file for each."""

from __future__ import annotations

from functools import cache

from ..runtime.linker import HostInterface, Interfaces
from ..runtime.wasi import wasi_interfaces
from . import authorization, config, logging, progress, transaction


@cache
def host_interfaces() -> Interfaces:
    """Return everything that a component may import, by interface name without version."""
    ours: list[HostInterface] = [
        transaction.INTERFACE,
        authorization.INTERFACE,
        progress.INTERFACE,
        config.INTERFACE,
        logging.INTERFACE,
    ]
    return {**wasi_interfaces(), **{interface.name: interface for interface in ours}}
