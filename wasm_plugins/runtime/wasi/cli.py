"""``wasi:cli``: an empty environment, no arguments, no terminal, and an exit that ends only the call."""

from __future__ import annotations

from typing import Final

from ...exceptions import PluginTrapped
from ..linker import HostFunction, HostInterface
from ..state import CallState
from ..values import Ok
from ..wit import STRING, U8, ListOf, OptionOf, ResultOf, TupleOf
from .resources import OWN, RESOURCES, answer, signature
from .streams import InputStream, OutputStream


def _exit(state: CallState, status: object) -> None:
    _exit_with_code(state, 0 if isinstance(status, Ok) else 1)


def _exit_with_code(state: CallState, code: int) -> None:
    """End the call; a plugin that exits gave no answer, whatever its code says."""
    raise PluginTrapped(f"{state.export} exited with code {code} before it answered", export=state.export)


def _stdin(_state: CallState) -> InputStream:
    return InputStream()


def _stdout(_state: CallState) -> OutputStream:
    return OutputStream("info")


def _stderr(_state: CallState) -> OutputStream:
    return OutputStream("error")


_NO_TERMINAL: Final = HostFunction(answer(None), signature(OptionOf(OWN)))

INTERFACES: Final = (
    HostInterface(
        "wasi:cli/environment",
        {
            "get-environment": HostFunction(answer([]), signature(ListOf(TupleOf((STRING, STRING))))),
            "get-arguments": HostFunction(answer([]), signature(ListOf(STRING))),
            "initial-cwd": HostFunction(answer(None), signature(OptionOf(STRING))),
        },
    ),
    HostInterface(
        "wasi:cli/exit",
        {
            "exit": HostFunction(_exit, signature(status=ResultOf())),
            "exit-with-code": HostFunction(_exit_with_code, signature(code=U8)),
        },
    ),
    HostInterface("wasi:cli/stdin", {"get-stdin": HostFunction(_stdin, signature(OWN))}, RESOURCES),
    HostInterface("wasi:cli/stdout", {"get-stdout": HostFunction(_stdout, signature(OWN))}, RESOURCES),
    HostInterface("wasi:cli/stderr", {"get-stderr": HostFunction(_stderr, signature(OWN))}, RESOURCES),
    HostInterface("wasi:cli/terminal-input", {}, RESOURCES),
    HostInterface("wasi:cli/terminal-output", {}, RESOURCES),
    HostInterface("wasi:cli/terminal-stdin", {"get-terminal-stdin": _NO_TERMINAL}, RESOURCES),
    HostInterface("wasi:cli/terminal-stdout", {"get-terminal-stdout": _NO_TERMINAL}, RESOURCES),
    HostInterface("wasi:cli/terminal-stderr", {"get-terminal-stderr": _NO_TERMINAL}, RESOURCES),
)
