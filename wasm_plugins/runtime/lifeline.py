"""Notes on disk which components run in this process, so that others find out whom its death may be blamed on.

Each process has a file that it holds a lock on for as long as it lives. The file is mapped into memory and has slots of
the size of a digest: a call fills one and clears it again, which costs two copies of 32 bytes. Memory that is mapped
outlives a process however it ends, and the kernel frees the lock, so whoever can lock a file knows that its process is
gone, and reads in the slots what ran at that moment.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import logging
import mmap
import os
import secrets
import time
import weakref
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SLOTS: Final = 128
"""Calls that are noted at once; of more, some are not."""

DEATHS: Final = 2
"""After how many deaths a component is no longer trusted."""

FORGOTTEN_AFTER_S: Final = 24 * 60 * 60
"""After how much time without another one a death is forgotten: machines are switched off, too."""

_DIGEST_BYTES: Final = 32
_CLEAR: Final = bytes(_DIGEST_BYTES)

logger = logging.getLogger(__name__)


class Lifeline:
    """This process's file among those of all processes of this user on this machine."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which is made when it is first needed."""
        self.folder: Final = folder
        self._note: _Note | None = None
        self._is_broken = False
        self._rests = False
        _lifelines.add(self)

    @contextmanager
    def running(self, digest: str, *, is_spare: bool = False) -> Iterator[None]:
        """Note that a component runs while the block does.

        Args:
            digest: The component.
            is_spare: Whether it is only being loaded, which nobody waits for if the process ends.
        """
        if is_spare and self._rests:
            yield
            return
        self._rests = False
        note = self._note or self._open()
        slot = None if note is None else note.take()
        if note is None or slot is None:
            yield
            return
        note.fill(slot, bytes.fromhex(digest), is_spare=is_spare)
        try:
            yield
        finally:
            note.clear(slot)

    def rest(self) -> None:
        """Take this process's file away, unless a call goes on: should the process end, no component had a part in it.

        For processes that end without Python's own exit. Until the next call, what is only loaded is not noted either.
        """
        note = self._note
        if note is None or not note.calls:
            self._note, self._rests = None, True
            if note is not None:
                note.remove()

    def bury(self, tell: Callable[[Collection[str]], Collection[str]]) -> None:
        """Find processes that are gone, and tell of each the digests of what ran when it went.

        A file is removed once ``tell`` has returned. Of several processes that look at once, one finds a file.

        Args:
            tell: Returns those digests that are to be remembered here, since nothing else remembers them.
        """
        for path in self.folder.glob("*.running"):
            with contextlib.suppress(OSError):  # its process lives, or another one buries it
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if os.fstat(descriptor).st_nlink:
                        self._bury(descriptor, tell)
                        path.unlink()
                finally:
                    os.close(descriptor)

    def deaths_of(self, digest: str) -> int:
        """Return how many processes of this machine died with a component, as far as is remembered."""
        try:
            found = (self.folder / f"{digest}.deaths").stat()
        except OSError:
            return 0
        return found.st_size if time.time() - found.st_mtime < FORGOTTEN_AFTER_S else 0

    def forgive(self, digest: str) -> None:
        """Forget what died with a component."""
        (self.folder / f"{digest}.deaths").unlink(missing_ok=True)

    def _bury(self, descriptor: int, tell: Callable[[Collection[str]], Collection[str]]) -> None:
        slots = os.pread(descriptor, SLOTS * _DIGEST_BYTES, 0)
        found = {slots[at : at + _DIGEST_BYTES] for at in range(0, len(slots), _DIGEST_BYTES)} - {_CLEAR}
        digests = sorted(each.hex() for each in found)
        for digest in tell(digests) if digests else ():
            with (self.folder / f"{digest}.deaths").open("ab") as count:
                count.write(b"+")

    def _open(self) -> _Note | None:
        if not self._is_broken:
            try:
                self._note = _Note(self.folder)
            except OSError as error:
                self._is_broken = True
                logger.warning("nothing will be known of plugins that end this process: %s", error)
        return self._note

    def abandon(self) -> None:
        """Leave the parent's file to it, in a forked process."""
        if self._note is not None:
            self._note.close()
            self._note = None


class _Note:
    """The file of one process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / f"{os.getpid()}-{secrets.token_hex(4)}.draft"
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.ftruncate(descriptor, SLOTS * _DIGEST_BYTES)
            self._slots = mmap.mmap(descriptor, SLOTS * _DIGEST_BYTES)  # has a copy of it, and with that the lock
        finally:
            os.close(descriptor)
        self.calls: set[int] = set()
        """Slots of what is not only being loaded."""
        self._free = list(range(0, SLOTS * _DIGEST_BYTES, _DIGEST_BYTES))
        self._path = draft.with_suffix(".running")
        draft.rename(self._path)  # from now on it counts, and it is locked already

    def take(self) -> int | None:
        try:
            return self._free.pop()
        except IndexError:
            return None

    def fill(self, slot: int, digest: bytes, *, is_spare: bool) -> None:
        self._slots[slot : slot + _DIGEST_BYTES] = digest
        if not is_spare:
            self.calls.add(slot)

    def clear(self, slot: int) -> None:
        with contextlib.suppress(ValueError):  # a process that was forked in the midst of the call closed it
            self._slots[slot : slot + _DIGEST_BYTES] = _CLEAR
            self.calls.discard(slot)
            self._free.append(slot)

    def close(self) -> None:
        self._slots.close()  # which does not unlock it: a forked process shares the lock with its parent

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


_lifelines: Final[weakref.WeakSet[Lifeline]] = weakref.WeakSet()


def _abandon_all() -> None:
    for each in _lifelines:
        each.abandon()


def _remove_all() -> None:
    for each in _lifelines:
        if each._note is not None:
            each._note.remove()


os.register_at_fork(after_in_child=_abandon_all)
atexit.register(_remove_all)
