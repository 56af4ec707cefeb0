"""What this app needs of a storage, which is more than Django's interface promises."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

PIECE_BYTES: Final = 256 * 1024
"""How much is read at a time, in bytes."""


@dataclass(frozen=True, slots=True)
class StoredItem:
    """One object of a listing."""

    key: str
    """Its name in the storage, for example ``plugins/loyalty.wasm``."""

    size_bytes: int
    """What the listing says; reading may find otherwise."""

    fingerprint: str
    """Changes with the content, as far as a listing can tell. At most 200 characters."""


class Place(Protocol):
    """A kind of storage. Its methods raise whatever the storage raises."""

    def list_items(self, prefix: str) -> Iterator[StoredItem]:
        """List the objects directly under a prefix that ends with a slash; a prefix that is not there is empty."""
        ...

    def read_pieces(self, key: str) -> Generator[bytes]:
        """Read an object piece by piece."""
        ...

    def replace(self, key: str, data: bytes) -> StoredItem:
        """Write an object under exactly this key, whatever was there before."""
        ...

    def remove(self, key: str) -> None:
        """Remove an object, if it is there."""
        ...

    def find_size(self, key: str) -> int | None:
        """Return an object's size in bytes, or ``None`` when it is not there."""
        ...
