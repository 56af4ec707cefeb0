"""The interfaces that the host offers to plugins, one file for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .interfaces import host_interfaces

__all__ = ["host_interfaces"]


def __getattr__(name: str) -> Any:
    """Import the interfaces when they are used: what proves SQL here is also imported where there is no Django."""
    if name == "host_interfaces":
        from .interfaces import host_interfaces

        return host_interfaces
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
