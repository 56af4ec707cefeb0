"""Sorts what wasmtime says about a failed call into the error tree.

All of it arrives as one exception class without a code, so the text decides; a test pins each text, so that an upgrade
of wasmtime fails there.
"""

from __future__ import annotations

import re
from typing import Final

from ..exceptions import CallError, DeadlineExceeded, LimitExceeded, PluginTrapped
from .limits import Limits

BACKTRACE_CHARS: Final = 4_000
"""How much of a backtrace is kept."""

_LIMITS: Final = (
    (re.compile(r"memory minimum size of \d+ pages exceeds memory limits"), "memory_bytes"),
    (re.compile(r"resource limit exceeded: instance count too high at \d+"), "instances"),
    (re.compile(r"resource limit exceeded: memory count too high at \d+"), "memories"),
    (re.compile(r"resource limit exceeded: table count too high at \d+"), "tables"),
    (re.compile(r"table minimum size of \d+ elements exceeds table limits"), "table_elements"),
)

_TOO_MUCH_DATA: Final = "fuel allocated for hostcalls has been exhausted"
TRANSFER_BYTES: Final = 128 * 1024 * 1024
"""What wasmtime lets one call copy between host and plugin, in bytes; it cannot be set."""


def call_error(text: str, *, export: str, limits: Limits, memories: int = 1) -> CallError:
    """Return the error for wasmtime's text about a call that failed, its start included.

    Args:
        text: The text.
        export: The export that was called.
        limits: What the call could spend.
        memories: How many linear memories the component has, as far as they were counted.
    """
    cause = _cause(text)
    if cause == "interrupt":
        return DeadlineExceeded(export=export, deadline_ms=limits.deadline_ms)
    if _TOO_MUCH_DATA in cause:
        return LimitExceeded(
            f"{export} moved more than {TRANSFER_BYTES} bytes between plugin and host, the limit transfer_bytes",
            export=export,
            limit="transfer_bytes",
        )
    for pattern, limit in _LIMITS:
        if pattern.fullmatch(cause):
            value = getattr(limits, limit)
            shared = f", which {memories} memories share" if limit == "memory_bytes" and memories > 1 else ""
            return LimitExceeded(
                f"{export} asked for more than the limit {limit} of {value}{shared}: {cause}",
                export=export,
                limit=limit,
            )
    return PluginTrapped(f"{export} crashed: {cause}", export=export, backtrace=text[:BACKTRACE_CHARS])


def _cause(text: str) -> str:
    """Return the last line, which is wasmtime's own: those above show names of functions, which a plugin chooses."""
    last = text.strip().rsplit("\n", 1)[-1].strip()
    return re.sub(r"^\d+: ", "", last).removeprefix("wasm trap: ")
