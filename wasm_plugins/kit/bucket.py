"""Puts a plugin into an S3 bucket, where a project's storage looks for uploads."""

from __future__ import annotations

import io
from typing import Any, Final

from wasm_plugins.kit.failures import KitError, ToolMissing, Usage
from wasm_plugins.kit.sending import sending

UPLOADS: Final = "plugins/"
_CONNECT_S: Final = 10
_READ_S: Final = 60


def put_plugin(place: str, name: str, component: bytes, *, endpoint: str | None) -> dict[str, Any]:
    """Put ``plugins/NAME.wasm`` into a bucket in one step, and return where it is; blocks until that is done.

    Credentials are those that boto3 finds by itself.

    Args:
        place: The bucket, and a prefix if there is one: the ``location`` of the project's storage.
        name: The plugin's name.
        component: Its bytes.
        endpoint: The server's address, where it is not AWS.

    Raises:
        Usage: The place is none.
        ToolMissing: boto3 is not installed.
        KitError: The bucket does not take it.
    """
    bucket, _, prefix = place.partition("/")
    if not bucket or place.startswith("s3:"):
        raise Usage(f"{place} is no bucket: say BUCKET or BUCKET/prefix")
    prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    key = f"{prefix}{UPLOADS}{name}.wasm"
    boto3, config, errors = _library(endpoint)
    try:
        client = boto3.Session().client("s3", endpoint_url=endpoint, config=config)
        with sending(name, len(component)) as shown:
            client.upload_fileobj(
                io.BytesIO(component), bucket, key, Callback=shown.more, ExtraArgs={"ContentType": "application/wasm"}
            )
    except errors as error:
        raise KitError(f"the bucket {bucket} does not take {key}: {error}") from None
    return {"bucket": bucket, "key": key}


def _library(endpoint: str | None) -> tuple[Any, Any, tuple[type[Exception], ...]]:
    try:
        import boto3
        from boto3.exceptions import Boto3Error
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise ToolMissing("boto3 is not installed: pip install 'django-wasm-plugins[s3]'") from None
    style = {} if endpoint is None else {"addressing_style": "path"}  # a name in front of an address would not resolve
    config = Config(s3=style, connect_timeout=_CONNECT_S, read_timeout=_READ_S, retries={"total_max_attempts": 2})
    return boto3, config, (BotoCoreError, ClientError, Boto3Error, ValueError)
