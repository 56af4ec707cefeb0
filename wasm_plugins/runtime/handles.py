"""The host's own objects behind the resource handles that a component holds during one call."""

from __future__ import annotations

import ctypes
import itertools
from typing import ClassVar, Final

from ..exceptions import LimitExceeded
from . import native

MOST_HANDLES: Final = 1_000
"""Handles that one call may hold at a time: each costs host memory that no limit of wasm counts."""


class HostResource:
    """An object that a component may hold a handle of; a subclass says which WIT resource it is."""

    resource: ClassVar[str]
    """Interface without version and name, for example ``wasi:io/streams/input-stream``."""

    def dropped(self) -> None:
        """Hear that the component dropped its handle; not called when it gave the handle away, or the call ended."""


_ids: dict[str, int] = {}
_next_id = itertools.count(1)


def resource_id(resource: str) -> int:
    """Return the number that wasmtime knows a host resource by, the same for the whole process."""
    return _ids.setdefault(resource, next(_next_id))


class Handles:
    """Which object each of a call's handles stands for."""

    def __init__(self, export: str) -> None:
        self._export: Final = export
        self._objects: Final[dict[int, HostResource]] = {}
        self._next: Final = itertools.count(1)

    def lend(self, context: int, thing: HostResource) -> int:
        """Make an owned handle for an object and return the address to send to the component.

        Raises:
            LimitExceeded: The component holds as many handles as it may.
        """
        if len(self._objects) >= MOST_HANDLES:
            raise LimitExceeded(
                f"{self._export} holds {MOST_HANDLES} handles, which is the limit handles",
                export=self._export,
                limit="handles",
            )
        rep = next(self._next)
        self._objects[rep] = thing
        host = native.resource_new(True, rep, resource_id(thing.resource))
        out = ctypes.c_void_p()
        try:
            native.raise_if(native.resource_to_any(context, host, ctypes.addressof(out)))
        finally:
            native.resource_delete(host)
        return out.value or 0

    def take(self, context: int, address: int) -> HostResource:
        """Return the object behind a handle that the component sent; a borrow ends with this."""
        out = ctypes.c_void_p()
        native.raise_if(native.resource_from_any(context, address, ctypes.addressof(out)))
        rep, is_owned = native.resource_rep(out), native.resource_is_owned(out)
        native.resource_delete(out)
        return self._objects.pop(rep) if is_owned else self._objects[rep]

    def drop(self, rep: int) -> None:
        """Forget an object whose handle the component dropped."""
        thing = self._objects.pop(rep, None)
        if thing is not None:
            thing.dropped()
