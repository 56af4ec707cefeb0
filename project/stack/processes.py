"""Child processes that start, say when they are ready, log to a file and never outlive their parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from project.stack.parts import PartFailed

_LIBC = ctypes.CDLL(None, use_errno=True)  # Loaded here, because a forked child should not load libraries.
_PR_SET_PDEATHSIG = 1
_LOG_LINES_SHOWN = 20


@dataclass
class Child:
    """A program that runs beside us, in a session of its own so that the terminal's Ctrl-C does not reach it.

    Attributes:
        name: What people call it, for messages.
        process: The running process.
        log_path: Where its output goes.
        stop_signal: What asks it to stop in order.
    """

    name: str
    process: subprocess.Popen[bytes] = field(repr=False)
    log_path: Path
    stop_signal: signal.Signals = signal.SIGTERM

    def wait_until(self, is_ready: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Block until ``is_ready()`` is true.

        Raises:
            PartFailed: The program ended, or was not ready after ``timeout_s`` seconds.
        """
        give_up_at = time.monotonic() + timeout_s
        while not is_ready():
            if self.process.poll() is not None:
                raise PartFailed(self.name, f"ended with code {self.process.returncode}\n{self.last_lines()}")
            if time.monotonic() > give_up_at:
                raise PartFailed(self.name, f"not ready after {timeout_s:.0f} s\n{self.last_lines()}")
            time.sleep(0.05)

    def stop(self, grace_s: float) -> None:
        """Ask twice, since a worker first wants to finish its job, then kill what is left of its group."""
        for _ in range(2):
            if self.process.poll() is not None:
                break
            self.process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=grace_s / 2)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def last_lines(self) -> str:
        """Return the end of its log, indented."""
        lines = self.log_path.read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-_LOG_LINES_SHOWN:])


def _die_with(parent_pid: int, death_signal: signal.Signals) -> Callable[[], None]:
    """Make what a new child runs first: on Linux, ask the kernel for a signal when the parent is gone."""

    def prepare() -> None:
        if hasattr(_LIBC, "prctl"):
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent_pid:  # It died before we asked.
                os._exit(1)

    return prepare


@contextlib.contextmanager
def running(
    name: str,
    arguments: Sequence[str | os.PathLike[str]],
    *,
    log_path: Path,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    user_id: int | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    death_signal: signal.Signals | None = None,
    grace_s: float = 8.0,
) -> Iterator[Child]:
    """Run a program until the block ends; start it from a thread that lives as long as it should.

    Args:
        name: What people call it, for messages.
        arguments: The program and its arguments.
        log_path: Gets all its output, appended.
        folder: Its working folder.
        environment: Its whole environment; ours when ``None``.
        user_id: Run as this user and its primary group, for root only.
        stop_signal: What asks it to stop in order.
        death_signal: What the kernel sends it when we die without stopping it; ``stop_signal`` when ``None``.
        grace_s: How long it has to stop, in seconds, before it is killed.

    Raises:
        PartFailed: The program could not be executed.
    """
    try:
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                [os.fspath(argument) for argument in arguments],
                cwd=folder,
                env=None if environment is None else dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid(), death_signal or stop_signal),
                user=user_id,
                group=group_of(user_id),
                extra_groups=None if user_id is None else [],
            )
    except OSError as error:
        raise PartFailed(name, f"cannot be executed: {error}") from error
    child = Child(name, process, log_path, stop_signal)
    try:
        yield child
    finally:
        child.stop(grace_s)


def group_of(user_id: int | None) -> int | None:
    """Return the primary group of a user, and nothing of nobody."""
    return None if user_id is None else pwd.getpwuid(user_id).pw_gid
