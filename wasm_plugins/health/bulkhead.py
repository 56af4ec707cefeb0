"""Keeps one plugin from taking all threads of a process: so many of its calls at once, and no queue for others."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ..exceptions import PluginBusy
from ..snapshot import ActivePlugin

RETRY_AFTER_S: Final = 1


class _Mine(threading.local):
    def __init__(self) -> None:
        self.plugins: set[str] = set()


class Bulkhead:
    """Counts the calls that run in this process, by plugin."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew: no call of the parent's runs in a forked process."""
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._mine = _Mine()

    @contextmanager
    def entered(self, plugin: ActivePlugin, limit: int) -> Iterator[None]:
        """Count a call while the block runs; one inside another of the same plugin is no further one.

        Raises:
            PluginBusy: So many run already.
        """
        if plugin.name in self._mine.plugins:
            yield
            return
        mine, running, lock = self._mine.plugins, self._running, self._lock
        with lock:
            if running[plugin.name] >= limit:
                raise PluginBusy(
                    f"{limit} calls run already in this process, the limit concurrent_calls",
                    retry_after_s=RETRY_AFTER_S,
                    plugin=plugin.name,
                    version=plugin.version,
                )
            running[plugin.name] += 1
        mine.add(plugin.name)
        try:
            yield
        finally:
            mine.discard(plugin.name)
            with lock:
                running[plugin.name] -= 1


bulkhead: Final = Bulkhead()
os.register_at_fork(after_in_child=bulkhead.reset)
