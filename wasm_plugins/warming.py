"""Has this machine compile what it will be asked to call, before anybody waits for it."""

from __future__ import annotations

import logging

from . import components
from .exceptions import PluginError
from .registry import find_snapshot
from .snapshot import Snapshot

logger = logging.getLogger(__name__)


def warm(done: Snapshot | None = None) -> Snapshot:
    """Load every enabled plugin's compiled code, compiling what this machine never did.

    Blocks for milliseconds for each plugin whose code is there, and for seconds for each that must be compiled. What
    cannot be loaded is in the log; its callers will be told, too.

    Args:
        done: What this returned the last time: while it is still current there is nothing to do.
    """
    snapshot = find_snapshot()
    # From the end: a hook that is called meanwhile loads from the beginning, and both would wait for each other.
    for plugin in reversed(tuple(snapshot.plugins.values())) if snapshot is not done else ():
        try:
            components.get_linked(plugin.digest)
        except PluginError as error:
            logger.warning("cannot load %s", error.about(plugin.name, plugin.version))
    return snapshot
