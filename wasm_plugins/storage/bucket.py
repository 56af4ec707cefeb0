"""An S3 bucket, through the client of django-storages' ``S3Storage``, which this module knows only by its shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, Final

from django.core.files.storage import Storage

from .place import PIECE_BYTES, StoredItem

_CONTENT_TYPE: Final = "application/wasm"


def is_bucket(storage: Storage) -> bool:
    """Tell an ``S3Storage`` by what it has, so that nobody needs django-storages who does not use it."""
    return all(hasattr(type(storage), name) for name in ("bucket", "connection", "get_object_parameters"))


class Bucket:
    """Objects written and read by S3's own requests.

    ``Storage.save`` would rename instead of replacing when ``file_overwrite`` is off, and ``Storage.open`` would fetch
    an object whole, however large; so neither is used.
    """

    def __init__(self, storage: Any) -> None:
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

    def read_pieces(self, key: str) -> Iterator[bytes]:
        answer = self._client.get_object(**self._named(key), **self._encryption(key))
        with closing(answer["Body"]) as body:
            yield from body.iter_chunks(PIECE_BYTES)

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


def _fingerprint(etag: str, size_bytes: int) -> str:
    return f"{etag.strip(chr(34))}-{size_bytes}"
