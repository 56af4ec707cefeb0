"""Keeps the folder of compiled code within its quota: what nobody used for longest goes first.

Removing an entry harms no process: code that is loaded stays mapped until it is dropped, whatever its name is by then,
and whoever finds an entry gone compiles it again. So no two processes need to agree on anything.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DRAFT_S: Final = 15 * 60
"""Age at which a draft is nobody's any more: compiling ends long before, or is ended."""

FOREIGN_S: Final = 7 * 24 * 3600
"""How long entries of another engine stay: during a rolling deploy both releases may use one folder."""

_CODE: Final = ".cwasm"
_COMPANIONS: Final = (".seal", ".lock", ".mac")
"""The last is of the first release."""


@dataclass(frozen=True, slots=True)
class _Entry:
    path: Path
    size_bytes: int
    used_at: float
    """Seconds since 1970; ``touch`` moves it on."""


def touch(path: Path) -> None:
    """Note that an entry was used, where the folder can be written."""
    with suppress(OSError):
        os.utime(path, follow_symlinks=False)


def prune(folder: Path, *, quota_bytes: int, fingerprint: str, keep: str = "") -> int:
    """Remove abandoned drafts, old entries of other engines, and the least recently used beyond the quota.

    Args:
        folder: The folder of a cache.
        quota_bytes: How much compiled code may stay.
        fingerprint: That of this engine, with which its entries' names end.
        keep: Name of an entry that stays in any case, because it was written just now.

    Returns:
        How many bytes were removed.

    Raises:
        OSError: The folder cannot be read.
    """
    now, removed_bytes = time.time(), 0
    _remove_drafts(folder, now)
    entries = _entries(folder)
    total_bytes = sum(each.size_bytes for each in entries)
    for each in sorted(entries, key=lambda entry: entry.used_at):
        is_foreign = not each.path.stem.endswith(fingerprint) and now - each.used_at > FOREIGN_S
        if each.path.stem != keep and (is_foreign or total_bytes > quota_bytes):
            _remove(each.path)
            total_bytes -= each.size_bytes
            removed_bytes += each.size_bytes
    return removed_bytes


def _entries(folder: Path) -> list[_Entry]:
    found = []
    with os.scandir(folder) as files:
        for file in files:
            with suppress(OSError):  # removed by another process since the folder was opened
                if file.name.endswith(_CODE):
                    status = file.stat(follow_symlinks=False)
                    found.append(_Entry(Path(file.path), status.st_size, status.st_mtime))
    return found


def _remove_drafts(folder: Path, now: float) -> None:
    for draft in folder.glob("*.draft"):
        with suppress(OSError):
            if now - draft.lstat().st_mtime > DRAFT_S:
                draft.unlink()


def _remove(path: Path) -> None:
    """Remove an entry: its code first, so that nobody finds code without what proves it."""
    with suppress(OSError):
        path.unlink()
    for suffix in _COMPANIONS:
        with suppress(OSError):
            path.with_suffix(suffix).unlink()
