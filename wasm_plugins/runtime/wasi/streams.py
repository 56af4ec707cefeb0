"""``wasi:io/streams``: bytes go to the call's log or into a request, and come from an answer that is here already."""

from __future__ import annotations

from typing import Final

from ...exceptions import LimitExceeded
from ..handles import HostResource
from ..linker import HostFunction, HostInterface
from ..state import CallState
from ..values import Err, Ok, Variant
from ..wit import U8, U64, Func, ListOf, ResultOf, VariantOf, WitType
from .io import Pollable
from .resources import BORROW, OWN, RESOURCES, expect, method, signature

WRITE_BYTES: Final = 64 * 1024
"""What one write may carry, in bytes: what ``check-write`` always answers. The log decides what is kept."""

READ_BYTES: Final = 64 * 1024
"""What one read answers at most, in bytes."""

_CLOSED: Final = Err(Variant("closed"))


class InputStream(HostResource):
    """Bytes to read, all of which are here: no read ever waits. Without any it is standard input, at its end."""

    resource = RESOURCES["input-stream"]

    def __init__(self, contents: bytes = b"") -> None:
        """Let some bytes be read."""
        self._rest = memoryview(contents)

    def take(self, size: int) -> bytes | None:
        """Return the next bytes, ``size`` and ``READ_BYTES`` of them at most, or ``None`` at the end."""
        if not self._rest:
            return None
        taken = bytes(self._rest[: min(size, READ_BYTES)])
        self._rest = self._rest[len(taken) :]
        return taken


class OutputStream(HostResource):
    """Standard output or standard error: lines of the call's log."""

    resource = RESOURCES["output-stream"]

    def __init__(self, level: str) -> None:
        """Write lines of a level."""
        self.level: Final = level

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be written any more."""
        return False

    def put(self, state: CallState, contents: bytes) -> None:
        """Take bytes, at most ``WRITE_BYTES``."""
        state.log.write_bytes(self.level, contents)


def _read(_state: CallState, stream: InputStream, size: int) -> Ok | Err:
    taken = stream.take(size)
    return _CLOSED if taken is None else Ok(taken)


def _skip(_state: CallState, stream: InputStream, size: int) -> Ok | Err:
    taken = stream.take(size)
    return _CLOSED if taken is None else Ok(len(taken))


def _write(state: CallState, stream: OutputStream, contents: bytes) -> Ok | Err:
    _check_size(state, len(contents))
    if stream.is_closed:
        return _CLOSED
    stream.put(state, contents)
    return Ok()


def _write_zeroes(state: CallState, stream: OutputStream, size: int) -> Ok | Err:
    _check_size(state, size)
    return _write(state, stream, bytes(size))


def _check_size(state: CallState, size: int) -> None:
    if size > WRITE_BYTES:
        raise LimitExceeded(
            f"{state.export} wrote {size} bytes at once; the limit write_bytes is {WRITE_BYTES}",
            export=state.export,
            limit="write_bytes",
        )


def _check(_state: CallState, stream: OutputStream) -> Ok | Err:
    return _CLOSED if stream.is_closed else Ok(WRITE_BYTES)


def _flush(_state: CallState, stream: OutputStream) -> Ok | Err:
    return _CLOSED if stream.is_closed else Ok()


def _splice(state: CallState, stream: OutputStream, source: HostResource, size: int) -> Ok | Err:
    """Move what can be read without waiting from one stream into the other."""
    taken = None if stream.is_closed else expect(state, source, InputStream).take(min(size, WRITE_BYTES))
    if taken is None:
        return _CLOSED
    stream.put(state, taken)
    return Ok(len(taken))


def _subscribe(_state: CallState, _stream: HostResource) -> Pollable:
    return Pollable()


def _result(ok: WitType | None = None) -> ResultOf:
    return ResultOf(ok, VariantOf((("last-operation-failed", OWN), ("closed", None))))


def _takes(**params: WitType) -> Func:
    return signature(_result(), self=BORROW, **params)


_BYTES: Final = ListOf(U8)
_SUBSCRIBE: Final = HostFunction(_subscribe, signature(OWN, self=BORROW))
_READ: Final = method(InputStream, _read, signature(_result(_BYTES), self=BORROW, len=U64))
_SKIP: Final = method(InputStream, _skip, signature(_result(U64), self=BORROW, len=U64))
_CHECK: Final = method(OutputStream, _check, signature(_result(U64), self=BORROW))
_FLUSH: Final = method(OutputStream, _flush, _takes())
_WRITE: Final = method(OutputStream, _write, _takes(contents=_BYTES))
_WRITE_ZEROES: Final = method(OutputStream, _write_zeroes, _takes(len=U64))
_SPLICE: Final = method(OutputStream, _splice, signature(_result(U64), self=BORROW, src=BORROW, len=U64))

INTERFACES: Final = (
    HostInterface(
        "wasi:io/streams",
        {
            "[method]input-stream.read": _READ,
            "[method]input-stream.blocking-read": _READ,
            "[method]input-stream.skip": _SKIP,
            "[method]input-stream.blocking-skip": _SKIP,
            "[method]input-stream.subscribe": _SUBSCRIBE,
            "[method]output-stream.check-write": _CHECK,
            "[method]output-stream.write": _WRITE,
            "[method]output-stream.blocking-write-and-flush": _WRITE,
            "[method]output-stream.flush": _FLUSH,
            "[method]output-stream.blocking-flush": _FLUSH,
            "[method]output-stream.subscribe": _SUBSCRIBE,
            "[method]output-stream.write-zeroes": _WRITE_ZEROES,
            "[method]output-stream.blocking-write-zeroes-and-flush": _WRITE_ZEROES,
            "[method]output-stream.splice": _SPLICE,
            "[method]output-stream.blocking-splice": _SPLICE,
        },
        RESOURCES,
    ),
)
