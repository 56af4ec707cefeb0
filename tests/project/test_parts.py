"""Tests of the real servers: each one answers, is protected, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis
from botocore.exceptions import ClientError

from project.stack.parts import Address, PartFailed, free_ports, package_folder, private_folder
from project.stack.redis import RedisPlan, redis_server
from project.stack.s3 import S3Plan
from tests.real_parts import RealParts


def test_the_project_role_of_postgresql_is_no_superuser(real_parts: RealParts) -> None:
    with psycopg.connect(real_parts.postgresql.url) as connection:
        row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    assert row == (False,)


def test_postgresql_refuses_a_wrong_password(real_parts: RealParts) -> None:
    url = real_parts.postgresql.url.replace(real_parts.postgresql.password, "wrong")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url).close()


def test_redis_refuses_a_wrong_password(real_parts: RealParts) -> None:
    with (
        redis.Redis.from_url(real_parts.redis.url.replace(real_parts.redis.password, "wrong")) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_s3_keeps_an_object_and_refuses_a_wrong_key(real_parts: RealParts) -> None:
    client = real_parts.s3.client()
    client.put_object(Bucket=real_parts.s3.bucket, Key="some/thing", Body=b"bytes")
    assert client.get_object(Bucket=real_parts.s3.bucket, Key="some/thing")["Body"].read() == b"bytes"
    stranger = S3Plan(real_parts.s3.address, real_parts.s3.access_key, "wrong").client()
    with pytest.raises(ClientError):
        stranger.get_object(Bucket=real_parts.s3.bucket, Key="some/thing")


def test_a_server_is_not_listening_after_its_block() -> None:
    with private_folder() as folder, redis_server(RedisPlan(), folder) as server:
        assert server.address.answers()
    assert not server.address.answers()
    assert not folder.exists()


def test_starting_and_stopping_twenty_times_leaves_no_process() -> None:
    for _ in range(20):
        with private_folder() as folder, redis_server(RedisPlan(), folder):
            pass
        assert str(folder) not in _command_lines()


def test_a_port_that_is_taken_is_an_error_that_names_the_part(real_parts: RealParts) -> None:
    taken = RedisPlan(Address(real_parts.redis.address.port), password="another")
    with private_folder() as folder, pytest.raises(PartFailed) as caught, redis_server(taken, folder):
        pass
    assert caught.value.part == "Valkey"


def test_free_ports_are_all_different() -> None:
    assert len(set(free_ports(20))) == 20


def test_a_package_that_is_missing_is_an_error_that_names_it() -> None:
    with pytest.raises(PartFailed) as caught:
        package_folder("no_such_package", "no-such-package")
    assert caught.value.part == "no-such-package"


def test_a_folder_that_is_kept_is_not_removed(tmp_path: Path) -> None:
    with private_folder(tmp_path / "kept") as folder:
        (folder / "file").touch()
    assert (tmp_path / "kept" / "file").exists()


def _command_lines() -> str:
    """Return the command lines of all processes."""
    if sys.platform != "linux":
        return subprocess.check_output(["ps", "-axo", "args"], text=True)
    found: list[str] = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(file.read_text(errors="replace").replace("\0", " "))
    return "\n".join(found)
