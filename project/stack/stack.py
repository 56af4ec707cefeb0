"""The whole shop as in production, on one machine: servers, web processes, workers, scheduler."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from project.plugin_builds import plugin_builds
from project.stack.parts import Address, free_ports
from project.stack.postgresql import PostgresqlPlan, postgresql
from project.stack.processes import Child
from project.stack.redis import RedisPlan, redis_server
from project.stack.s3 import S3Plan, s3_server
from project.stack.shop import Shop

WORKERS = 2
Say = Callable[[str], None]


@dataclass(frozen=True)
class RunningStack:
    """A stack that is up.

    Attributes:
        url: The shop's address.
        shop: For more commands on it.
        children: What must go on running.
        s3: Where plugins are stored.
    """

    url: str
    shop: Shop
    children: list[Child]
    s3: S3Plan


@contextlib.contextmanager
def stack(
    folder: Path, say: Say, port: int | None = None, *, tasks_in_idle_time: bool = False
) -> Iterator[RunningStack]:
    """Run everything until the block ends.

    Args:
        folder: Existing folder for all data, passwords and logs; used again if it is not empty.
        say: Called with one line per step.
        port: The web server's port; a free one when ``None``.
        tasks_in_idle_time: Whether workers work only while nobody else wants a processor.

    Raises:
        PartFailed: Something could not start.
    """
    key = _Keys(folder / "passwords.json")
    s3 = S3Plan(access_key=key("s3-access"), secret_key=key("s3-secret"))
    database, queue = PostgresqlPlan(password=key("postgresql")), RedisPlan(password=key("redis"))
    shop = Shop(folder, _variables(folder, database, queue, s3, key("django")))
    web = Address(port or free_ports(1)[0])
    with contextlib.ExitStack() as parts:
        say("PostgreSQL")
        parts.enter_context(postgresql(database, folder, durable=True))
        say("Redis-protocol server")
        parts.enter_context(redis_server(queue, folder, durable=True))
        say("S3 server")
        parts.enter_context(s3_server(s3, folder))
        say("database tables, static files, plugins in the bucket")
        _prepare(shop)
        say(f"{WORKERS} workers, the scheduler, the web server")
        workers = [shop.worker(number, in_idle_time=tasks_in_idle_time) for number in range(1, WORKERS + 1)]
        children = [parts.enter_context(worker) for worker in workers]
        children.append(parts.enter_context(shop.scheduler()))
        children.append(parts.enter_context(shop.web(web)))
        yield RunningStack(f"http://{web.host}:{web.port}", shop, children, s3)


def _prepare(shop: Shop) -> None:
    shop.manage("migrate", "--verbosity=0")
    shop.manage("collectstatic", "--noinput", "--verbosity=0")
    shop.manage("shop_setup")
    built = [build.component for build in plugin_builds() if build.component.exists()]
    if built:
        shop.manage("plugins", "upload", *map(str, built))
    shop.manage("plugins", "sync")


def _variables(folder: Path, database: PostgresqlPlan, queue: RedisPlan, s3: S3Plan, secret_key: str) -> dict[str, str]:
    return {
        "SHOP_DEBUG": "0",
        "SHOP_DEMO": "1",
        "SHOP_SERVE_STATIC": "1",
        "SHOP_SECRET_KEY": secret_key,
        "SHOP_DATA": str(folder),
        "SHOP_DATABASE": database.url,
        "SHOP_REDIS_URL": queue.url,
        "SHOP_S3_ENDPOINT": s3.endpoint,
        "SHOP_S3_BUCKET": s3.bucket,
        "SHOP_S3_ACCESS_KEY": s3.access_key,
        "SHOP_S3_SECRET_KEY": s3.secret_key,
    }


class _Keys:
    """Passwords that are made once and kept in a private file beside the data they open."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}

    def __call__(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = secrets.token_hex(20)
            self._file.touch(mode=0o600)
            self._file.write_text(json.dumps(self._known, indent=2))
        return self._known[name]
