"""What every real part needs: an error that names it, a free port, its package's folder, a private folder."""

from __future__ import annotations

import contextlib
import importlib.util
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"


class PartFailed(RuntimeError):
    """A real part is missing or could not start; the message says which, and shows the end of its log.

    Attributes:
        part: What people call the part.
    """

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(f"{part}: {reason}")
        self.part = part


@dataclass(frozen=True)
class Address:
    """Where a part listens: chosen before it starts, so that settings can name it before it is up."""

    port: int
    host: str = LOOPBACK

    def answers(self) -> bool:
        """Say whether something accepts connections there."""
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((self.host, self.port)) == 0


def free_ports(count: int) -> list[int]:
    """Return loopback ports that nothing listens on, all different.

    Below 22,768, so that no outgoing connection of this machine takes one before its server has bound it.
    """
    found: list[int] = []
    while len(found) < count:
        port = 10_240 + secrets.randbelow(12_528)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            if port not in found:
                found.append(port)
    return found


def package_folder(package: str, distribution: str) -> Path:
    """Find an installed package's folder without importing it.

    Raises:
        PartFailed: The package is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise PartFailed(distribution, "is not installed; `make` installs it")
    return Path(spec.origin).parent


@contextlib.contextmanager
def private_folder(keep_in: Path | None = None) -> Iterator[Path]:
    """Give a folder that only this user may list, removed afterwards unless it is ``keep_in``.

    Others may pass through it: under root, PostgreSQL runs as somebody else and has its own folder inside.
    """
    folder = Path(tempfile.mkdtemp(prefix="shop-")) if keep_in is None else keep_in.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        if keep_in is None:
            shutil.rmtree(folder, ignore_errors=True)
