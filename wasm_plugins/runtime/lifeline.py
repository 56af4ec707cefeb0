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
import os
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .running_note import RunningNote, read_note

DEATHS: Final = 2
"""After how many deaths a component is no longer trusted."""

FORGOTTEN_AFTER_S: Final = 24 * 60 * 60
"""After how much time without another one a death is forgotten: machines are switched off, too."""

TRY_AGAIN_S: Final = 60.0
"""How long a process that could not make its file waits before it tries again, in seconds."""

logger = logging.getLogger(__name__)


class Lifeline:
    """This process's file among those of all processes of this user on this machine."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which is made when it is first needed."""
        self.folder: Final = folder
        self._note: RunningNote | None = None
        self._try_again_at = 0.0
        with _process.lock:
            _process.lifelines.add(self)

    @contextmanager
    def running(self, digest: str) -> Iterator[None]:
        """Note that a component runs, or is being loaded, while the block does."""
        begun: list[tuple[RunningNote, int]] = []
        try:
            self._begin(bytes.fromhex(digest), begun)
            yield
        finally:
            for note, slot in begun:
                note.clear(slot)

    def _begin(self, digest: bytes, begun: list[tuple[RunningNote, int]]) -> None:
        """Fill a slot; who clears it is told before, for a signal may end this after any line."""
        with _process.lock:  # of several threads that begin at once, one makes the file
            note = None if _process.is_over else self._note or self._open()
            slot = None if note is None else note.take()
            if note is not None and slot is not None:
                begun.append((note, slot))
                note.fill(slot, digest)

    def end(self) -> None:
        """Take this process's file away, whatever goes on: it ends as it should."""
        if self._note is not None:
            self._note.remove()

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
        digests = read_note(descriptor)
        for digest in tell(digests) if digests else ():
            with (self.folder / f"{digest}.deaths").open("ab") as count:
                count.write(b"+")

    def _open(self) -> RunningNote | None:
        if time.monotonic() >= self._try_again_at:
            try:
                self._note = RunningNote(self.folder)
            except OSError as error:
                self._try_again_at = time.monotonic() + TRY_AGAIN_S
                logger.warning("nothing is known of plugins that end this process: %s", error)
        return self._note

    def abandon(self) -> None:
        """Leave the parent's file to it, in a forked process."""
        if self._note is not None:
            self._note.close()
            self._note = None


class _Process:
    """What holds for all lifelines of this process."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # what is logged under it may reach a handler that calls a plugin
        self.lifelines: Final[weakref.WeakSet[Lifeline]] = weakref.WeakSet()
        self.is_over = False
        """Whether it ends as it should: nothing that goes on beside that is to blame."""

    def end(self) -> None:
        with self.lock:
            self.is_over = True
            for each in self.lifelines:
                each.end()

    def begin_anew(self) -> None:
        """Leave the parent's files to it, in a forked process, and a lock that a thread of it may have held."""
        self.lock, self.is_over = threading.RLock(), False
        for each in self.lifelines:
            each.abandon()


_process: Final = _Process()
os.register_at_fork(after_in_child=_process.begin_anew)
atexit.register(_process.end)
