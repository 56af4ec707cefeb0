"""``wasi:filesystem`` and ``wasi:sockets``: there are no files and no network, and to ask is an error.

Ordinary toolchains import all of it, so it must be there. A program that asks gets the error that its language
has for a refusal; nothing here ever opens anything.
"""

from __future__ import annotations

from typing import Final

from ...exceptions import PluginTrapped
from ..handles import HostResource
from ..linker import HostFunction, HostInterface
from ..state import CallState
from ..values import Err
from ..wit import STRING, EnumOf, Func, ListOf, OptionOf, ResultOf, TupleOf
from .resources import OWN, RESOURCES, answer, signature

_REFUSALS: Final = ("access-denied", "not-permitted")
"""How the error codes of sockets and files spell it."""


class Network(HostResource):
    """The network, good for nothing: whoever looks up a host's name asks for it first."""

    resource = RESOURCES["network"]


def _network(_state: CallState) -> Network:
    return Network()


def _deny(name: str, of: Func) -> HostFunction:
    """Refuse in the way that a function's type allows."""
    match of.result:
        case ResultOf(_, EnumOf(codes)):
            for code in _REFUSALS:
                if code in codes:
                    return HostFunction(answer(Err(code)))
        case OptionOf():
            return HostFunction(answer(None))

    def trap(state: CallState, *_args: object) -> None:
        raise PluginTrapped(f"{state.export} called {name}: there are no files and no network", export=state.export)

    return HostFunction(trap)


_NETWORK: Final = {"instance-network": HostFunction(_network, signature(OWN))}

_PREOPENS: Final = {"get-directories": HostFunction(answer([]), signature(ListOf(TupleOf((OWN, STRING)))))}

INTERFACES: Final = (
    HostInterface("wasi:filesystem/types", {}, RESOURCES, _deny),
    HostInterface("wasi:filesystem/preopens", _PREOPENS, RESOURCES),
    HostInterface("wasi:sockets/network", {}, RESOURCES, _deny),
    HostInterface("wasi:sockets/instance-network", _NETWORK, RESOURCES),
    HostInterface("wasi:sockets/tcp", {}, RESOURCES, _deny),
    HostInterface("wasi:sockets/tcp-create-socket", {}, RESOURCES, _deny),
    HostInterface("wasi:sockets/udp", {}, RESOURCES, _deny),
    HostInterface("wasi:sockets/udp-create-socket", {}, RESOURCES, _deny),
    HostInterface("wasi:sockets/ip-name-lookup", {}, RESOURCES, _deny),
)
