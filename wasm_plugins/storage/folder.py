"""A folder on this machine, or on a disk that machines share."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.core.files.storage import FileSystemStorage

from .place import PIECE_BYTES, StoredItem

_HIDDEN: Final = "."
"""How names of drafts begin, and of what desktops and editors leave behind: none of them is an upload."""


class Folder:
    """Django's ``FileSystemStorage``, with replacement in one step."""

    def __init__(self, storage: FileSystemStorage) -> None:
        self._storage: Final = storage

    def list_items(self, prefix: str) -> Iterator[StoredItem]:
        folder = self._path(prefix)
        if not folder.is_dir():
            self._check_root()
            return
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                if not entry.name.startswith(_HIDDEN) and entry.is_file():
                    with suppress(FileNotFoundError):  # removed since the folder was opened
                        yield _item(prefix + entry.name, entry.stat())

    def read_pieces(self, key: str) -> Generator[bytes]:
        with self._path(key).open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece

    def replace(self, key: str, data: bytes) -> StoredItem:
        path = self._path(key)
        self._make_folder(path.parent)
        descriptor, draft = tempfile.mkstemp(prefix=_HIDDEN, dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())  # or a power cut may leave the new name with no content
                os.fchmod(file.fileno(), self._file_mode())
                written = os.fstat(file.fileno())
            os.replace(draft, path)
        except BaseException:
            os.unlink(draft)
            raise
        return _item(key, written)

    def remove(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def find_size(self, key: str) -> int | None:
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            return None

    def _path(self, key: str) -> Path:
        return Path(self._storage.path(key))

    def _check_root(self) -> None:
        """Tell an empty storage from one whose disk is not mounted: a file in the way, or no right to look."""
        root = Path(self._storage.path(""))
        if root.exists():
            os.listdir(root)

    def _make_folder(self, folder: Path) -> None:
        mode = self._storage.directory_permissions_mode
        folder.mkdir(parents=True, exist_ok=True)
        if mode is not None and folder.stat().st_uid == os.geteuid():
            folder.chmod(mode)

    def _file_mode(self) -> int:
        """Return the mode that Django gives uploads; drafts begin as private files, whatever the umask."""
        mode = self._storage.file_permissions_mode
        return 0o644 if mode is None else mode


def _item(key: str, status: os.stat_result) -> StoredItem:
    fingerprint = f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"
    return StoredItem(key, status.st_size, fingerprint)
