"""A component that asks for all of WASI, and how tests call it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from wasmtime import component as wc

from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.component import Component
from wasm_plugins.runtime.engine import get_runtime
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.linker import LinkedComponent
from wasm_plugins.runtime.log import CallLog
from wasm_plugins.runtime.wasi import wasi_interfaces

PROBE_WAT: Final = Path(__file__).with_name("probe.wat")

CLOSED: Final = 0x101
"""What the probe answers for an error with its case number 1: ``closed`` of a stream, ``access-denied`` of a socket."""

MS: Final = 1_000_000
"""Nanoseconds of a millisecond."""


def link(text: str) -> LinkedComponent:
    """Compile WebAssembly text in this process and join it to WASI."""
    return LinkedComponent(Component(wc.Component(get_runtime().engine, text)), wasi_interfaces())


class Probe:
    """The linked probe and the log of its last call."""

    def __init__(self, linked: LinkedComponent) -> None:
        self.linked: Final = linked
        self.log = CallLog(0)

    def ask(self, export: str, number: int = 0, *, deadline_ms: int = 5_000, log_bytes: int = 65_536) -> int:
        """Call one export with a number and return the number it answers."""
        self.log = CallLog(log_bytes)
        limits = Limits(deadline_ms=deadline_ms, log_bytes=log_bytes, host_calls=100_000)
        answer: int = sandbox.call(self.linked, export, [number], limits=limits, log=self.log)
        return answer

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Level and text of all that the last call wrote."""
        return [(line.level, line.text) for line in self.log.lines]
