"""The shop's own processes: web server, worker and scheduler to keep running, commands to wait for."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from project.stack.parts import Address, PartFailed
from project.stack.processes import Child, running

ROOT = Path(__file__).resolve().parent.parent.parent
THREADS = 8
MANAGE = (sys.executable, str(ROOT / "manage.py"))


@dataclass(frozen=True)
class Shop:
    """How to run something of the shop's.

    Attributes:
        folder: Existing folder for logs.
        variables: The ``SHOP_…`` variables that say where database, queue and bucket are.
    """

    folder: Path
    variables: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of its processes: ours, without another run's ``SHOP_…``."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("SHOP_")}
        return {
            **ours,
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "project.settings",
            **self.variables,
        }

    def manage(self, *arguments: str) -> str:
        """Run ``manage.py`` with these arguments to its end and return what it printed.

        Raises:
            PartFailed: It failed; the message has its output.
        """
        done = subprocess.run([*MANAGE, *arguments], env=self.environment, cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            output = f"{done.stdout}{done.stderr}"
            raise PartFailed(f"manage.py {' '.join(arguments)}", f"ended with code {done.returncode}\n{output}")
        return done.stdout

    @contextlib.contextmanager
    def web(self, address: Address, processes: int = 2) -> Iterator[Child]:
        """Serve the shop until the block ends; it answers once it has begun."""
        url = f"http://{address.host}:{address.port}/"
        arguments = [
            *(sys.executable, "-m", "gunicorn", "project.wsgi"),
            *("--bind", f"{address.host}:{address.port}"),
            *("--workers", str(processes), "--graceful-timeout", "3"),
            *("--worker-class", "gthread", "--threads", str(THREADS)),  # a slow plugin holds up a thread, not a process
            *("--timeout", "120"),  # an upload is compiled while its admin waits
            *("--access-logfile", "-", "--no-control-socket"),
        ]
        with self._running("web", arguments) as child:
            child.wait_until(lambda: _serves(url), timeout_s=60)
            yield child

    @contextlib.contextmanager
    def worker(self, number: int = 1, *, in_idle_time: bool = False) -> Iterator[Child]:
        """Work on the queue until the block ends.

        Args:
            number: Told apart from others by it.
            in_idle_time: Whether to work only while nobody else wants the processor, where the machine has ``chrt``.
        """
        gives_way = ["nice", "-n", "10"]  # to whoever waits for a page
        if in_idle_time and shutil.which("chrt"):
            # Linux since 6.6 lets a niced process use up its turn of some milliseconds first, an idle one never.
            gives_way = ["chrt", "--idle", "0"]
        with self._running(f"worker-{number}", [*gives_way, *MANAGE, "plugins", "worker"]) as child:
            yield child

    @contextlib.contextmanager
    def scheduler(self) -> Iterator[Child]:
        """Enqueue what is due, and find lost jobs, until the block ends."""
        with self._running("scheduler", [*MANAGE, "plugins", "scheduler"]) as child:
            yield child

    def _running(self, name: str, arguments: list[str]) -> contextlib.AbstractContextManager[Child]:
        log_path = self.folder / f"{name}.log"
        return running(name, arguments, log_path=log_path, folder=ROOT, environment=self.environment)


def _serves(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  http on loopback
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        raise PartFailed("web", f"{url} answers {error.code}") from error
    except OSError:
        return False
