"""The shop behind a real gunicorn, which starts a worker again when one dies."""

from __future__ import annotations

import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings as project_settings

from project.stack.parts import free_ports
from project.stack.processes import Child, running


@dataclass(frozen=True)
class Server:
    """A running gunicorn."""

    child: Child
    port: int

    def get(self, path: str, timeout_s: float = 30.0) -> tuple[int, bytes]:
        """Answer status and body; an error status is an answer like any other."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=timeout_s) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def worker_pids(self) -> list[int]:
        """List the workers that live."""
        pid = self.child.process.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill_worker(self) -> None:
        """Do to a worker what a fault in native code or the kernel's memory killer would."""
        os.kill(self.worker_pids()[0], signal.SIGKILL)


@contextmanager
def serving(log_path: Path, environment: dict[str, str], *, workers: int = 1, threads: int = 8) -> Iterator[Server]:
    """Run gunicorn on a free port until the block ends."""
    port = free_ports(1)[0]
    arguments = [
        *(sys.executable, "-m", "gunicorn", "project.wsgi", "--bind", f"127.0.0.1:{port}"),
        *("--workers", str(workers), "--threads", str(threads), "--no-control-socket"),
    ]
    with running(
        "gunicorn", arguments, log_path=log_path, folder=project_settings.BASE_DIR, environment=environment
    ) as child:
        server = Server(child, port)
        child.wait_until(lambda: _answers(server), timeout_s=60)
        yield server


def _answers(server: Server) -> bool:
    try:
        return server.get("/", timeout_s=5)[0] == 200
    except OSError:
        return False


def wait_until(is_so: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
    """Block until something is so."""
    give_up_at = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < give_up_at, what
        time.sleep(0.02)
