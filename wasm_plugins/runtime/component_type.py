"""A component's type: all that it imports and exports, as types of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .wit import Func


@dataclass(frozen=True, slots=True)
class Interface:
    """An instance that a component imports or exports."""

    functions: Mapping[str, Func]
    """Its functions by name."""

    resources: tuple[str, ...] = ()
    """Its resources by name."""

    @property
    def is_types_only(self) -> bool:
        """Whether there is nothing to call: such an import needs nothing from the host."""
        return not self.functions and not self.resources


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentType:
    """What a component needs and offers."""

    instances: Mapping[str, Interface]
    """Imported instances by full name, for example ``wasi:io/poll@0.2.9``."""

    functions: Mapping[str, Func]
    """Imported functions of the world itself by name."""

    interfaces: Mapping[str, Interface]
    """Exported instances by full name."""

    exports: Mapping[str, Func]
    """Exported functions of the world itself by name."""
