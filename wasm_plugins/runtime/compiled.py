"""Keeps compiled code on this machine: private, authenticated, and compiled once for each digest.

Compiled code is native code: loading it is running it. So an entry counts only when it lies in a folder of our own,
belongs to us, and carries a seal made with a key that never leaves the folder. What an attacker with our own user id
could do he can do without us. Beside the code, under the same seal, lies the component's type.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from wasmtime import WasmtimeError
from wasmtime import component as wc

from ..exceptions import ArtifactError
from .compiler import NoRoom, compile_here, compile_to, digest_of
from .component import Component
from .engine import get_runtime
from .fingerprint import engine_fingerprint
from .introspection import introspect
from .lifeline import Lifeline
from .limits import CompileLimits
from .pruning import prune, touch
from .recorded_type import read_type, write_type
from .sealing import SEAL_BYTES, check_private, is_sealed, read_key, seal

QUOTA_BYTES: Final = 2 * 1024**3

logger = logging.getLogger(__name__)


class CompiledCache:
    """A folder of compiled components, shared by all processes of this user on this machine.

    A folder that cannot be used, because there is none, it is read-only or the disk is full, costs time and nothing
    else: what it cannot give is compiled for this process alone. Compiled code never leaves the machine.

    Attributes:
        problem: Why the folder cannot be used, or an empty text.
    """

    def __init__(self, folder: Path, *, limits: CompileLimits | None = None, quota_bytes: int = QUOTA_BYTES) -> None:
        """Use a folder, made with mode 0700 if it is not there.

        Raises:
            ArtifactError: The folder is not ours alone, so what lies in it cannot be trusted.
        """
        self.folder: Final = folder
        self.limits: Final = limits or CompileLimits()
        self.quota_bytes: Final = quota_bytes
        self.problem = ""
        self._key = b""
        self._open()
        self.lifeline: Final = Lifeline(folder / "running")
        """Where it is noted what runs in this process."""

    def load(self, digest: str, read: Callable[[], bytes]) -> Component:
        """Return the compiled component of a digest, compiling it first if this machine never did.

        Blocks for milliseconds when it is there, and for as long as compiling takes when not; processes that want the
        same component at once wait for the one that compiles it.

        Args:
            digest: SHA-256 of the component's bytes, 64 hexadecimal digits.
            read: Returns those bytes; called only when they must be compiled.

        Raises:
            ArtifactError: The bytes are not those of the digest.
            CompileError: They are no component, or compiling went over a limit.
        """
        if self._key or self._open():
            try:
                found = self._load(f"{digest}-{engine_fingerprint()}", digest, read)
                self.problem = ""
                return found
            except NoRoom as error:
                self._give_up(error)
        return self._load_uncached(_checked(digest, read()))

    def _open(self) -> bool:
        """Make the folder and its key, or find them; tried again whenever it did not work the last time."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            check_private(self.folder, os.lstat(self.folder))
            self._key = read_key(self.folder / "key")
        except OSError as error:
            self._give_up(error)
            return False
        return True

    def _load(self, name: str, digest: str, read: Callable[[], bytes]) -> Component:
        if (found := self._find(name)) is not None:
            return found
        with self._lock(name):
            if (found := self._find(name)) is not None:
                return found
            self._compile(name, _checked(digest, read()))
            if (found := self._find(name)) is None:
                raise NoRoom(f"compiled code of {digest} cannot be read back")
        with suppress(OSError):
            prune(self.folder, quota_bytes=self.quota_bytes, fingerprint=engine_fingerprint(), keep=name)
        return found

    def _load_uncached(self, data: bytes) -> Component:
        """Compile for this process alone, through memory."""
        try:
            native = wc.Component.deserialize(get_runtime().engine, compile_here(data, limits=self.limits))
        except WasmtimeError as error:
            raise ArtifactError(f"compiled code cannot be loaded: {error}") from error
        return Component(native)

    def _give_up(self, error: OSError) -> None:
        """Go on without the folder this time, and say so once for each reason."""
        problem = f"the cache of compiled code in {self.folder} does not work: {error}"
        if problem != self.problem:
            logger.warning("%s; plugins are compiled in every process instead", problem)
        self.problem = problem

    def _compile(self, name: str, data: bytes) -> None:
        """Compile into the folder, and note the component's type beside the code.

        Raises:
            CompileError: It is no component, or one that no plugin can be.
            NoRoom: The folder does not take it.
        """
        draft = self.folder / f"{name}.{os.getpid()}.{secrets.token_hex(4)}.draft"
        try:
            compile_to(data, draft, limits=self.limits)
            with draft.open("rb") as code:
                note = write_type(introspect(self._native(code.fileno(), name)))
                (self.folder / f"{name}.seal").write_bytes(seal(self._key, code.fileno(), name, note) + note)
            draft.chmod(0o600)
            draft.replace(self.folder / f"{name}.cwasm")
        except (OSError, WasmtimeError) as error:
            raise NoRoom(*error.args) from error
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)

    def _find(self, name: str) -> Component | None:
        """Load an entry if it is there and authentic; else it is as good as absent."""
        try:
            sealed = (self.folder / f"{name}.seal").read_bytes()
            descriptor = os.open(self.folder / f"{name}.cwasm", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            check_private(self.folder / name, os.fstat(descriptor))
            note = sealed[SEAL_BYTES:]
            if not is_sealed(self._key, sealed[:SEAL_BYTES], descriptor, name, note):
                return None
            found = Component(self._native(descriptor, name), read_type(note))
            touch(self.folder / f"{name}.cwasm")
            return found
        except (ArtifactError, WasmtimeError, LookupError, ValueError, OSError):
            return None
        finally:
            os.close(descriptor)

    def _native(self, descriptor: int, name: str) -> wc.Component:
        """Map compiled code into this process; that it can kill the process is noted for others."""
        with self.lifeline.running(name.partition("-")[0]):
            return wc.Component.deserialize_file(get_runtime().engine, _path_of(descriptor))

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        try:
            lock = (self.folder / f"{name}.lock").open("w")
        except OSError as error:
            raise NoRoom(*error.args) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _checked(digest: str, data: bytes) -> bytes:
    """Return bytes that are those of a digest: the very bytes that are compiled then.

    Raises:
        ArtifactError: They are others.
    """
    if (seen := digest_of(data)) != digest:
        raise ArtifactError(f"the bytes have the digest {seen}, not {digest} as recorded")
    return data


def _path_of(descriptor: int) -> str:
    """Name the very file that was checked: the same inode, whatever its old name points at by now."""
    return f"/proc/self/fd/{descriptor}" if os.path.exists("/proc/self/fd") else f"/dev/fd/{descriptor}"
