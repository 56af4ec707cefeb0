"""Looks a host's name up once, and waits for the answer no longer than a request may take."""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Final, Protocol

from ...runtime.wasi.http_types import HttpFailed

MOST_LOOKUPS: Final = 16
"""Lookups that may be under way in one process: one that is given up goes on until the system gives it up too."""

MOST_OF_ONE: Final = 4
"""How many of them may be one plugin's: names that hang must not keep others from looking theirs up."""


class Resolver(Protocol):
    """Finds the addresses of a host."""

    def __call__(self, host: str, port: int, timeout_s: float, plugin: str) -> Sequence[str]:
        """Return the addresses of a name as texts; blocks for at most ``timeout_s``.

        Args:
            host: The name.
            port: Where somebody wants to connect to.
            timeout_s: How long to wait, in seconds.
            plugin: Who asks.

        Raises:
            HttpFailed: There are none, or not in time.
        """
        ...


class _Lookups:
    """Those that are under way, by plugin."""

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        self._of: Final[Counter[str]] = Counter()

    def begin(self, plugin: str) -> bool:
        """Count one more, unless there are too many; tell whether it was counted."""
        with self._lock:
            if self._of[plugin] >= MOST_OF_ONE or self._of.total() >= MOST_LOOKUPS:
                return False
            self._of[plugin] += 1
            return True

    def end(self, plugin: str) -> None:
        """Count one less."""
        with self._lock:
            self._of[plugin] -= 1
            if not self._of[plugin]:
                del self._of[plugin]


_lookups = _Lookups()


def _forget_lookups() -> None:
    global _lookups  # a forked process has none of its parent's threads
    _lookups = _Lookups()


os.register_at_fork(after_in_child=_forget_lookups)


def resolve(host: str, port: int, timeout_s: float, plugin: str) -> Sequence[str]:
    """Ask the operating system; on a thread, since nothing can end ``getaddrinfo`` early."""
    lookups = _lookups
    if not lookups.begin(plugin):
        raise HttpFailed("DNS-timeout")
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(address[0]) for *_, address in found)))
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else OSError(str(error)))
        finally:
            lookups.end(plugin)

    try:
        threading.Thread(target=look_up, name="wasm-plugins-dns", daemon=True).start()
    except RuntimeError:  # the system has no thread left
        lookups.end(plugin)
        raise HttpFailed("DNS-timeout") from None
    try:
        found = answers.get(timeout=timeout_s)
    except queue.Empty:
        raise HttpFailed("DNS-timeout") from None
    if isinstance(found, OSError) or not found:
        raise HttpFailed("DNS-error", {"rcode": None, "info-code": None})
    return found
