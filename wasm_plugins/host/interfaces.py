"""Everything that the host offers to plugins, put together from the files beside this one."""

from __future__ import annotations

from functools import cache

from ..runtime.linker import HostInterface, Interfaces
from ..runtime.wasi import wasi_interfaces
from . import authorization, config, http, keyvalue, logging, progress, run, transaction


@cache
def host_interfaces() -> Interfaces:
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
