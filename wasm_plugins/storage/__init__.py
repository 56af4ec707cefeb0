"""Keeps components as bytes in ``STORAGES[WASM_PLUGINS_STORAGE_ALIAS]``, and lets no storage's own exception out.

``plugins/<name>.wasm`` is where an upload arrives, by whatever hand; ``artifacts/<sha256>.wasm`` is the copy that is
kept of every distinct one. Only objects directly under ``plugins/`` count.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from django.core.files.storage import FileSystemStorage, Storage, storages

from ..conf import conf
from ..exceptions import ArtifactError, PluginError
from ..runtime.compiler import digest_of
from .anywhere import Anywhere
from .bucket import Bucket, is_bucket
from .folder import Folder
from .place import Place, StoredItem

__all__ = [
    "KEPT",
    "SUFFIX",
    "UPLOADS",
    "StoredItem",
    "keep",
    "list_uploads",
    "put_upload",
    "read",
    "read_kept",
    "remove_upload",
]

UPLOADS: Final = "plugins/"
KEPT: Final = "artifacts/"
SUFFIX: Final = ".wasm"


def list_uploads() -> Iterator[StoredItem]:
    """List what lies directly under ``plugins/``, whatever it is called; on S3 with list requests alone.

    Raises:
        ArtifactError: The storage does not answer.
    """
    with _errors(f"cannot list {UPLOADS}"):
        yield from _place().list_items(UPLOADS)


def read(key: str, limit_bytes: int) -> bytes:
    """Return the bytes of an object, read in pieces, so that one without an end costs no more than the limits.

    Raises:
        ArtifactError: It is not there, cannot be read in ``STORAGE_READ_S``, or is larger than ``limit_bytes``.
    """
    until = time.monotonic() + conf.STORAGE_READ_S
    with _errors(f"cannot read {key}"), closing(_place().read_pieces(key)) as pieces:
        data = bytearray()
        for piece in pieces:
            data += piece
            if len(data) > limit_bytes:
                raise ArtifactError(f"{key} is larger than the limit of {limit_bytes} bytes")
            if time.monotonic() > until:
                raise ArtifactError(f"reading {key} took longer than the limit of {conf.STORAGE_READ_S} seconds")
        return bytes(data)


def put_upload(name: str, data: bytes) -> StoredItem:
    """Put a plugin's component where uploads arrive, in place of the one before it.

    Nobody who reads meanwhile gets half of it: folder and S3 replace it in one step.

    Raises:
        ArtifactError: The storage does not take it.
    """
    key = f"{UPLOADS}{name}{SUFFIX}"
    with _errors(f"cannot write {key}"):
        return _place().replace(key, data)


def remove_upload(name: str) -> None:
    """Remove a plugin's component from where uploads arrive; the copies of its versions stay.

    Raises:
        ArtifactError: The storage does not answer.
    """
    key = f"{UPLOADS}{name}{SUFFIX}"
    with _errors(f"cannot remove {key}"):
        _place().remove(key)


def keep(digest: str, data: bytes) -> None:
    """Keep the bytes under their digest; written once, and again only where a copy was cut short.

    Raises:
        ArtifactError: The storage does not take them.
    """
    key = _kept_key(digest)
    with _errors(f"cannot write {key}"):
        place = _place()
        if place.find_size(key) != len(data):
            place.replace(key, data)


def read_kept(digest: str) -> bytes:
    """Return the bytes that were kept under a digest.

    Raises:
        ArtifactError: They are not there, cannot be read, or are not those of the digest.
    """
    data = read(_kept_key(digest), conf.COMPONENT_BYTES)
    if (seen := digest_of(data)) != digest:
        raise ArtifactError(f"{_kept_key(digest)} holds bytes with the digest {seen}: restore the object")
    return data


def _kept_key(digest: str) -> str:
    return f"{KEPT}{digest}{SUFFIX}"


def _place() -> Place:
    return _place_of(storages[conf.STORAGE_ALIAS])


def _place_of(storage: Storage) -> Place:
    if isinstance(storage, FileSystemStorage):
        return Folder(storage)
    return Bucket(storage) if is_bucket(storage) else Anywhere(storage)


@contextmanager
def _errors(problem: str) -> Iterator[None]:
    """Turn whatever a storage raises into the one error of this stage; each library has classes of its own."""
    try:
        yield
    except PluginError:
        raise
    except Exception as error:
        raise ArtifactError(f"{problem} in the storage {conf.STORAGE_ALIAS!r}: {_said(error)}") from error


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
