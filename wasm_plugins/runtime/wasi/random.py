"""``wasi:random``: the operating system's random numbers, behind the insecure functions as well."""

from __future__ import annotations

import os
import secrets
from typing import Final

from ...exceptions import LimitExceeded
from ..linker import HostFunction, HostInterface
from ..state import CallState
from ..wit import U8, U64, ListOf, TupleOf
from .resources import signature

RANDOM_BYTES: Final = 64 * 1024
"""What one call of ``get-random-bytes`` may ask for, in bytes."""


def _bytes(state: CallState, size: int) -> bytes:
    if size > RANDOM_BYTES:
        raise LimitExceeded(
            f"{state.export} asked for {size} random bytes at once; the limit random_bytes is {RANDOM_BYTES}",
            export=state.export,
            limit="random_bytes",
        )
    return os.urandom(size)


def _number(_state: CallState) -> int:
    return secrets.randbits(64)


def _seed(state: CallState) -> tuple[int, int]:
    return _number(state), _number(state)


_BYTES: Final = HostFunction(_bytes, signature(ListOf(U8), len=U64))
_NUMBER: Final = HostFunction(_number, signature(U64))
_SEED: Final = HostFunction(_seed, signature(TupleOf((U64, U64))))

INTERFACES: Final = (
    HostInterface("wasi:random/random", {"get-random-bytes": _BYTES, "get-random-u64": _NUMBER}),
    HostInterface("wasi:random/insecure", {"get-insecure-random-bytes": _BYTES, "get-insecure-random-u64": _NUMBER}),
    HostInterface("wasi:random/insecure-seed", {"insecure-seed": _SEED}),
)
