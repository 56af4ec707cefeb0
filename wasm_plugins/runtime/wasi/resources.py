"""The resources that WASI 0.2 defines, and what their interfaces share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from ...exceptions import PluginTrapped
from ..guard import HostCallable
from ..handles import HostResource
from ..linker import HostFunction
from ..state import CallState
from ..wit import Func, Handle, WitType

_DEFINED_IN: Final = {
    "wasi:io/poll": ("pollable",),
    "wasi:io/error": ("error",),
    "wasi:io/streams": ("input-stream", "output-stream"),
    "wasi:cli/terminal-input": ("terminal-input",),
    "wasi:cli/terminal-output": ("terminal-output",),
    "wasi:filesystem/types": ("descriptor", "directory-entry-stream"),
    "wasi:sockets/network": ("network",),
    "wasi:sockets/tcp": ("tcp-socket",),
    "wasi:sockets/udp": ("udp-socket", "incoming-datagram-stream", "outgoing-datagram-stream"),
    "wasi:sockets/ip-name-lookup": ("resolve-address-stream",),
    "wasi:http/types": (
        "fields",
        "outgoing-request",
        "outgoing-body",
        "request-options",
        "future-incoming-response",
        "incoming-response",
        "incoming-body",
        "future-trailers",
        "incoming-request",
        "outgoing-response",
        "response-outparam",
    ),
}

RESOURCES: Final = {name: f"{home}/{name}" for home, names in _DEFINED_IN.items() for name in names}
"""Every resource by name, which is unique in WASI, with where it is defined. Any interface may use any."""

BORROW: Final = Handle(owned=False)
OWN: Final = Handle(owned=True)

R = TypeVar("R", bound=HostResource)


def signature(result: WitType | None = None, /, **params: WitType) -> Func:
    """Return the type of a function."""
    return Func(tuple(params.items()), result)


def expect(state: CallState, thing: HostResource, kind: type[R]) -> R:
    """Return the object behind a handle if it is of a kind.

    A component writes the types of its imports itself, and those do not say which resource a handle is of.

    Raises:
        PluginTrapped: The component sent a handle of another resource.
    """
    if not isinstance(thing, kind):
        raise PluginTrapped(f"{state.export} sent a handle that is no {kind.resource}", export=state.export)
    return thing


def method(kind: type[R], call: Callable[..., object], of: Func) -> HostFunction:
    """Offer a method of a resource."""

    def checked(state: CallState, thing: HostResource, *args: object) -> object:
        return call(state, expect(state, thing, kind), *args)

    return HostFunction(checked, of)


def answer(value: object) -> HostCallable:
    """Return a host function that answers the same always, whatever it is asked."""
    return lambda state, *args: value
