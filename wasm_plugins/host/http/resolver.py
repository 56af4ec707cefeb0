"""Looks a host's name up once, and waits for the answer no longer than a request may take."""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Sequence
from typing import Final, Protocol

from ...runtime.wasi.http_types import HttpFailed

MOST_LOOKUPS: Final = 16
"""Lookups that may be under way in one process: one that is given up goes on until the system gives it up too."""


class Resolver(Protocol):
    """Finds the addresses of a host."""

    def __call__(self, host: str, port: int, timeout_s: float) -> Sequence[str]:
        """Return the addresses of a name as texts; blocks for at most ``timeout_s``.

        Raises:
            HttpFailed: There are none, or not in time.
        """
        ...


_free = threading.BoundedSemaphore(MOST_LOOKUPS)


def _forget_lookups() -> None:
    global _free  # a forked process has none of its parent's threads
    _free = threading.BoundedSemaphore(MOST_LOOKUPS)


os.register_at_fork(after_in_child=_forget_lookups)


def resolve(host: str, port: int, timeout_s: float) -> Sequence[str]:
    """Ask the operating system; on a thread, since nothing can end ``getaddrinfo`` early."""
    free = _free
    if not free.acquire(blocking=False):
        raise HttpFailed("DNS-timeout")
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(address[0]) for *_, address in found)))
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else OSError(str(error)))
        finally:
            free.release()

    _start(look_up, free)
    try:
        found = answers.get(timeout=timeout_s)
    except queue.Empty:
        raise HttpFailed("DNS-timeout") from None
    if isinstance(found, OSError) or not found:
        raise HttpFailed("DNS-error", {"rcode": None, "info-code": None})
    return found


def _start(look_up: object, free: threading.BoundedSemaphore) -> None:
    thread = threading.Thread(target=look_up, name="wasm-plugins-dns", daemon=True)  # type: ignore[arg-type]
    try:
        thread.start()
    except RuntimeError:  # the system has no thread left
        free.release()
        raise HttpFailed("DNS-timeout") from None
