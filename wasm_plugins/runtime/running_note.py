"""The file in which one process notes what runs in it: locked as long as it lives, with a slot for each call.

The file is mapped into memory, so noting costs a copy of 32 bytes, and what was noted outlives the process however it
ends.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import secrets
from pathlib import Path
from typing import Final

SLOTS: Final = 128
"""Calls that are noted at once; of more, some are not."""

_DIGEST_BYTES: Final = 32
_BYTES: Final = SLOTS * _DIGEST_BYTES
_CLEAR: Final = bytes(_DIGEST_BYTES)


def read_note(descriptor: int) -> list[str]:
    """Return the digests that the slots of a file say, each once."""
    slots = os.pread(descriptor, _BYTES, 0)
    found = {slots[at : at + _DIGEST_BYTES] for at in range(0, len(slots), _DIGEST_BYTES)} - {_CLEAR}
    return sorted(each.hex() for each in found)


class RunningNote:
    """The file of one process."""

    def __init__(self, folder: Path) -> None:
        """Make the file, lock it, and only then give it the name by which others find it.

        Raises:
            OSError: The folder or the file cannot be made.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / f"{os.getpid()}-{secrets.token_hex(4)}.draft"
        self._path = draft.with_suffix(".running")
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Written, for of a full disk it is an error here; writing to mapped memory would end the process.
            if os.write(descriptor, bytes(_BYTES)) < _BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._slots = mmap.mmap(descriptor, _BYTES)  # has a copy of it, and with that the lock
            self._free = list(range(0, _BYTES, _DIGEST_BYTES))
            draft.rename(self._path)  # from now on it counts, and it is locked already
        except BaseException:
            draft.unlink(missing_ok=True)
            self.remove()
            raise
        finally:
            os.close(descriptor)

    def take(self) -> int | None:
        """Return a free slot, or ``None`` where there is none."""
        try:
            return self._free.pop()
        except IndexError:
            return None

    def fill(self, slot: int, digest: bytes) -> None:
        """Note a digest in a slot."""
        self._slots[slot : slot + _DIGEST_BYTES] = digest

    def clear(self, slot: int) -> None:
        """Note that what a slot says is over."""
        try:
            self._slots[slot : slot + _DIGEST_BYTES] = _CLEAR
        except ValueError:
            return  # a process that was forked in the midst of the call closed it
        self._free.append(slot)

    def close(self) -> None:
        """Leave the file to the parent, in a forked process."""
        self._slots.close()  # which does not unlock it: a forked process shares the lock with its parent

    def remove(self) -> None:
        """Take the file away; what is noted from now on, nobody finds."""
        with contextlib.suppress(OSError):
            self._path.unlink()
