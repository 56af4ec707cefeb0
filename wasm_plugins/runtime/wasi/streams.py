"""``wasi:io/streams``: what a plugin prints goes to the call's log, and there is nothing to read."""

from __future__ import annotations

from typing import Final

from ...exceptions import LimitExceeded
from ..handles import HostResource
from ..linker import HostFunction, HostInterface
from ..state import CallState
from ..values import Err, Ok, Variant
from ..wit import U8, U64, Func, ListOf, ResultOf, VariantOf, WitType
from .io import Pollable
from .resources import BORROW, OWN, RESOURCES, answer, method, signature

WRITE_BYTES: Final = 64 * 1024
"""What one write may carry, in bytes: what ``check-write`` always answers. The log decides what is kept."""


class InputStream(HostResource):
    """Standard input, which is at its end."""

    resource = RESOURCES["input-stream"]


class OutputStream(HostResource):
    """Standard output or standard error: lines of the call's log."""

    resource = RESOURCES["output-stream"]

    def __init__(self, level: str) -> None:
        """Write lines of a level."""
        self.level: Final = level


def _write(state: CallState, stream: OutputStream, contents: bytes) -> Ok:
    _check_size(state, len(contents))
    state.log.write_bytes(stream.level, contents)
    return Ok()


def _write_zeroes(state: CallState, stream: OutputStream, size: int) -> Ok:
    _check_size(state, size)
    state.log.write_bytes(stream.level, bytes(size))
    return Ok()


def _check_size(state: CallState, size: int) -> None:
    if size > WRITE_BYTES:
        raise LimitExceeded(
            f"{state.export} wrote {size} bytes at once; the limit write_bytes is {WRITE_BYTES}",
            export=state.export,
            limit="write_bytes",
        )


def _subscribe(_state: CallState, _stream: HostResource) -> Pollable:
    return Pollable()


def _result(ok: WitType | None = None) -> ResultOf:
    return ResultOf(ok, VariantOf((("last-operation-failed", OWN), ("closed", None))))


def _read(ok: WitType) -> HostFunction:
    return HostFunction(answer(Err(Variant("closed"))), signature(_result(ok), self=BORROW, len=U64))


def _takes(**params: WitType) -> Func:
    return signature(_result(), self=BORROW, **params)


_BYTES: Final = ListOf(U8)
_SUBSCRIBE: Final = HostFunction(_subscribe, signature(OWN, self=BORROW))
_CHECK: Final = HostFunction(answer(Ok(WRITE_BYTES)), signature(_result(U64), self=BORROW))
_FLUSH: Final = HostFunction(answer(Ok()), _takes())
_WRITE: Final = method(OutputStream, _write, _takes(contents=_BYTES))
_WRITE_ZEROES: Final = method(OutputStream, _write_zeroes, _takes(len=U64))
_SPLICE: Final = HostFunction(answer(Err(Variant("closed"))), signature(_result(U64), self=BORROW, src=BORROW, len=U64))

INTERFACES: Final = (
    HostInterface(
        "wasi:io/streams",
        {
            "[method]input-stream.read": _read(_BYTES),
            "[method]input-stream.blocking-read": _read(_BYTES),
            "[method]input-stream.skip": _read(U64),
            "[method]input-stream.blocking-skip": _read(U64),
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
