"""Any other Django storage, by the methods that all of them have; it cannot replace in one step."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Final

from django.core.files.base import ContentFile
from django.core.files.storage import Storage

from ..exceptions import ArtifactError
from .place import PIECE_BYTES, StoredItem


class Anywhere:
    """A storage known only by Django's interface."""

    def __init__(self, storage: Storage) -> None:
        self._storage: Final = storage

    def list_items(self, prefix: str) -> Iterator[StoredItem]:
        try:
            _, names = self._storage.listdir(prefix.rstrip("/"))
        except FileNotFoundError:
            return
        for name in sorted(names):
            yield self._item(prefix + name)

    def read_pieces(self, key: str) -> Generator[bytes]:
        with self._storage.open(key) as file:
            yield from file.chunks(PIECE_BYTES)

    def replace(self, key: str, data: bytes) -> StoredItem:
        if self._storage.exists(key):
            self._storage.delete(key)
        saved = self._storage.save(key, ContentFile(data))
        if saved != key:  # somebody else wrote it in between, and Django found another name for ours
            self._storage.delete(saved)
            raise ArtifactError(f"{key} was written by somebody else at the same time; try again")
        return self._item(key)

    def remove(self, key: str) -> None:
        self._storage.delete(key)

    def find_size(self, key: str) -> int | None:
        return self._storage.size(key) if self._storage.exists(key) else None

    def _item(self, key: str) -> StoredItem:
        size = self._storage.size(key)
        changed = self._storage.get_modified_time(key).isoformat()
        return StoredItem(key, size, f"{size}-{changed}")
