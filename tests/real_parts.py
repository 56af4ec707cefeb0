"""The real servers behind the tests: planned when settings are read, started when the first test needs them.

Addresses and passwords are fixed here, before anything runs, so that Django's settings can name servers that
are not up yet, and a run of tests that need none pays for none. Child processes of a test inherit them in a
variable, and so reach the same servers. Of tests that run side by side, each process has servers of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from project.stack.parts import Address
from project.stack.postgresql import PostgresqlPlan, postgresql, postgresql_version
from project.stack.redis import RedisPlan, redis_server, redis_version
from project.stack.s3 import S3Plan, s3_server, s3_version

SIDE = os.environ.get("PYTEST_XDIST_WORKER", "")
"""Which of the processes that run tests side by side this is, or whose child."""

_VARIABLE = f"TEST_PARTS_{SIDE}"


@dataclass
class RealParts:
    """PostgreSQL, a Redis-protocol server and an S3 server for one test run.

    Attributes:
        folder: Everything that the run writes; removed at its end.
        is_owner: Whether this process made the plan, and not its parent.
        started: The versions of what was started, empty while nothing is.
    """

    folder: Path
    postgresql: PostgresqlPlan
    redis: RedisPlan
    s3: S3Plan
    is_owner: bool
    started: list[str] = field(default_factory=list)
    _running: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def start(self) -> None:
        """Start what is not running yet.

        Raises:
            PartFailed: One of them could not start; the tests cannot go on without.
        """
        if self.started:
            return
        self._running.enter_context(postgresql(self.postgresql, self.folder))
        self._running.enter_context(redis_server(self.redis, self.folder))
        self._running.enter_context(s3_server(self.s3, self.folder))
        self.started = [postgresql_version(), redis_version(), s3_version()]

    def stop(self) -> None:
        """Stop what runs."""
        self._running.close()


def plan() -> RealParts:
    """Make the plan of this test run, or take it over from the process that started us."""
    inherited = os.environ.get(_VARIABLE)
    if inherited is None:
        folder = Path(tempfile.mkdtemp(prefix="shop-tests-"))
        folder.chmod(0o711)
        made = RealParts(folder, PostgresqlPlan(), RedisPlan(), S3Plan(), is_owner=True)
        os.environ[_VARIABLE] = _written(made)
        return made
    words = json.loads(inherited)
    return RealParts(
        Path(words["folder"]),
        PostgresqlPlan(Address(words["postgresql_port"]), words["password"]),
        RedisPlan(Address(words["redis_port"]), words["password_redis"]),
        S3Plan(Address(words["s3_port"]), words["access_key"], words["secret_key"]),
        is_owner=False,
    )


def _written(made: RealParts) -> str:
    return json.dumps(
        {
            "folder": str(made.folder),
            "postgresql_port": made.postgresql.address.port,
            "password": made.postgresql.password,
            "redis_port": made.redis.address.port,
            "password_redis": made.redis.password,
            "s3_port": made.s3.address.port,
            "access_key": made.s3.access_key,
            "secret_key": made.s3.secret_key,
        }
    )


PARTS = plan()
