"""``wasi:clocks``: the real clocks in steps of a millisecond, too coarse to time the host's caches with."""

from __future__ import annotations

import time
from typing import Final

from ..linker import HostFunction, HostInterface
from ..state import CallState
from ..wit import BOOL, S32, STRING, U32, U64, RecordOf
from .io import Pollable
from .resources import OWN, RESOURCES, answer, signature

STEP_NS: Final = 1_000_000
"""Resolution of both clocks, in nanoseconds."""

_SECOND_NS: Final = 1_000_000_000


def _monotonic(_state: CallState) -> int:
    return time.monotonic_ns() // STEP_NS * STEP_NS


def _wall(_state: CallState) -> dict[str, int]:
    seconds, rest_ns = divmod(time.time_ns(), _SECOND_NS)
    return {"seconds": seconds, "nanoseconds": rest_ns // STEP_NS * STEP_NS}


def _at_instant(_state: CallState, when_ns: int) -> Pollable:
    """Become ready at the first step that is not before, so that the clock then shows the moment as reached."""
    return Pollable(-(-when_ns // STEP_NS) * STEP_NS)


def _after_duration(state: CallState, duration_ns: int) -> Pollable:
    return _at_instant(state, time.monotonic_ns() + duration_ns) if duration_ns else Pollable()


_DATETIME: Final = RecordOf((("seconds", U64), ("nanoseconds", U32)))
_ZONE: Final = RecordOf((("utc-offset", S32), ("name", STRING), ("in-daylight-saving-time", BOOL)))
_UTC: Final = {"utc-offset": 0, "name": "UTC", "in-daylight-saving-time": False}

INTERFACES: Final = (
    HostInterface(
        "wasi:clocks/monotonic-clock",
        {
            "now": HostFunction(_monotonic, signature(U64)),
            "resolution": HostFunction(answer(STEP_NS), signature(U64)),
            "subscribe-instant": HostFunction(_at_instant, signature(OWN, when=U64)),
            "subscribe-duration": HostFunction(_after_duration, signature(OWN, when=U64)),
        },
        RESOURCES,
    ),
    HostInterface(
        "wasi:clocks/wall-clock",
        {
            "now": HostFunction(_wall, signature(_DATETIME)),
            "resolution": HostFunction(answer({"seconds": 0, "nanoseconds": STEP_NS}), signature(_DATETIME)),
        },
    ),
    HostInterface(
        "wasi:clocks/timezone",
        {
            "display": HostFunction(answer(_UTC), signature(_ZONE, when=_DATETIME)),
            "utc-offset": HostFunction(answer(0), signature(S32, when=_DATETIME)),
        },
    ),
)
