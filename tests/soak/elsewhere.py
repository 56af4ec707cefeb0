"""Clients in a process of their own: so many in one would keep each other, and whoever measures, waiting."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from project.stack.shop import ROOT
from tests.soak.traffic import Client, asking


@contextmanager
def asking_elsewhere(clients: Sequence[Client]) -> Iterator[None]:
    """Let clients ask in another process while the block runs, and take their answers from there."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.soak.elsewhere"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        assert process.stdin is not None and process.stdout is not None
        told = [(client.name, client.url, client.pause_s) for client in clients]
        process.stdin.write(json.dumps(told) + "\n")
        process.stdin.flush()
        try:
            yield
        finally:
            process.stdin.close()
            for client, answers in zip(clients, json.load(process.stdout), strict=True):
                client.answers.extend((status, elapsed_ms) for status, elapsed_ms in answers)


def main() -> None:
    """Ask as the first line of the input says until the input ends, then print the answers."""
    clients = [Client(name, url, pause_s) for name, url, pause_s in json.loads(sys.stdin.readline())]
    with asking(clients):
        sys.stdin.read()
    json.dump([client.answers for client in clients], sys.stdout)


if __name__ == "__main__":
    main()
