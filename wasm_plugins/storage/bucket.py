"""An S3 bucket, through the client of django-storages' ``S3Storage``, which this module knows only by its shape."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import Any, Final

from django.core.files.storage import Storage

from ..conf import conf
from .place import PIECE_BYTES, StoredItem

_CONTENT_TYPE: Final = "application/wasm"
_ATTEMPTS: Final = 2
"""How often each request is tried; botocore's own default is five, with a minute of silence each."""


def is_bucket(storage: Storage) -> bool:
    """Tell an ``S3Storage`` by what it has, so that nobody needs django-storages who does not use it."""
    return all(hasattr(type(storage), name) for name in ("bucket", "connection", "get_object_parameters"))


class Bucket:
    """Objects written and read by S3's own requests.

    ``Storage.save`` would rename instead of replacing when ``file_overwrite`` is off, and ``Storage.open`` would fetch
    an object whole, however large; so neither is used.
    """

    def __init__(self, storage: Any) -> None:
        _be_impatient(storage)
        self._storage: Final = storage
        self._bucket: Final[str] = storage.bucket_name
        self._client: Final = storage.connection.meta.client  # one for each thread
        location = storage.location.strip("/")
        self._location: Final = f"{location}/" if location else ""

    def list_items(self, prefix: str) -> Iterator[StoredItem]:
        whole = self._location + prefix
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=whole, Delimiter="/")
        for page in pages:
            for found in page.get("Contents", ()):
                if found["Key"] != whole:  # some tools mark a folder with an object of its name
                    key = found["Key"].removeprefix(self._location)
                    yield StoredItem(key, found["Size"], _fingerprint(found["ETag"], found["Size"]))

    def read_pieces(self, key: str) -> Generator[bytes]:
        answer = self._client.get_object(**self._named(key), **self._encryption(key))
        with closing(answer["Body"]) as body, body as stream:
            # Whatever has come, and not until a piece is full: who reads looks at the clock after each.
            size_bytes = 0
            while piece := stream.read1(PIECE_BYTES):
                size_bytes += len(piece)
                yield piece
        if size_bytes != answer["ContentLength"]:
            raise EOFError(f"{size_bytes} bytes came instead of {answer['ContentLength']}")

    def replace(self, key: str, data: bytes) -> StoredItem:
        parameters = {"ContentType": _CONTENT_TYPE, **self._parameters(key)}
        if self._storage.default_acl:
            parameters.setdefault("ACL", self._storage.default_acl)
        answer = self._client.put_object(**self._named(key), Body=data, **parameters)
        return StoredItem(key, len(data), _fingerprint(answer["ETag"], len(data)))

    def remove(self, key: str) -> None:
        self._client.delete_object(**self._named(key))

    def find_size(self, key: str) -> int | None:
        try:
            answer = self._client.head_object(**self._named(key), **self._encryption(key))
        except self._client.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        size: int = answer["ContentLength"]
        return size

    def _named(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._location + key}

    def _parameters(self, key: str) -> Mapping[str, Any]:
        """Return what the project wants to be sent with each object, for example its encryption."""
        parameters: Mapping[str, Any] = self._storage.get_object_parameters(self._location + key)
        return parameters

    def _encryption(self, key: str) -> dict[str, Any]:
        """Return the part of it that reading needs as well: the key of an object that the customer encrypts."""
        return {name: value for name, value in self._parameters(key).items() if name.startswith("SSECustomer")}


def _be_impatient(storage: Any) -> None:
    """Bound how long the client waits, where the project's own configuration does not say.

    The client is made at the first use of ``connection``, one for each thread, so this comes before it.
    """
    from botocore.config import Config

    chosen = storage.client_config
    said = getattr(chosen, "_user_provided_options", {})
    wanted = {
        "connect_timeout": conf.STORAGE_SILENCE_S,
        "read_timeout": conf.STORAGE_SILENCE_S,
        "retries": {"total_max_attempts": _ATTEMPTS, "mode": "standard"},
    }
    missing = {name: value for name, value in wanted.items() if name not in said}
    if missing:
        storage.client_config = Config(**missing) if chosen is None else chosen.merge(Config(**missing))


def _fingerprint(etag: str, size_bytes: int) -> str:
    return f"{etag.strip(chr(34))}-{size_bytes}"
