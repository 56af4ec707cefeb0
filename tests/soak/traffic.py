"""Clients on threads of their own, each asking for one address at its pace, and how they fared."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

PATIENCE_S: Final = 60.0
"""How long a client waits for one answer, in seconds."""


@dataclass
class Client:
    """Asks for one address again and again."""

    name: str
    url: str
    pause_s: float
    """Between two requests, in seconds."""

    answers: list[tuple[int, float]] = field(default_factory=list)
    """Status, 0 for none, and how long it took in milliseconds."""

    def ask(self) -> None:
        """Ask once and remember what came."""
        started = time.perf_counter()
        status = _status(self.url)
        self.answers.append((status, (time.perf_counter() - started) * 1000))

    def ask_until(self, over: threading.Event) -> None:
        """Ask until an event is set."""
        while not over.wait(self.pause_s):
            self.ask()


@contextmanager
def asking(clients: Sequence[Client]) -> Iterator[None]:
    """Let clients ask while the block runs, and wait for their last answers."""
    over = threading.Event()
    threads = [threading.Thread(target=client.ask_until, args=(over,), name=client.name) for client in clients]
    with ExitStack() as ending:
        for thread in threads:
            thread.start()
            ending.callback(thread.join)
        ending.callback(over.set)
        yield


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as response:  # noqa: S310  http on loopback
            response.read()
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            error.read()
        return error.code
    except OSError:
        return 0
