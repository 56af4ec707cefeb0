"""A compiled component: what it imports and exports, with full types, known before anything runs."""

from __future__ import annotations

from typing import Final

from wasmtime import component as wc

from .component_type import ComponentType
from .introspection import introspect
from .wit import Func


class Component:
    """One component's code, shared by all calls of the process.

    Attributes:
        instances: Imported instances by full name, for example ``wasi:io/poll@0.2.9``.
        functions: Imported functions of the world itself by name.
        exports: Exported functions of the world itself by name.
        interfaces: Exported instances by full name.
    """

    def __init__(self, native: wc.Component, known: ComponentType | None = None) -> None:
        """Wrap compiled code.

        Args:
            native: The code.
            known: The component's type; read from the code where it is not given.

        Raises:
            CompileError: The code was asked, and no plugin can have such a type.
        """
        self.native: Final = native
        of = known or introspect(native)
        self.instances: Final = of.instances
        self.functions: Final = of.functions
        self.interfaces: Final = of.interfaces
        self.exports: Final = of.exports
        self._indexes: Final[dict[tuple[str | None, str], wc.ExportIndex]] = {}

    @property
    def imports(self) -> tuple[str, ...]:
        """Full names of all that the host must provide, sorted; types alone need nothing."""
        needed = [name for name, instance in self.instances.items() if not instance.is_types_only]
        return tuple(sorted([*needed, *self.functions]))

    def find_export(self, name: str, interface: str | None = None) -> Func | None:
        """Return the type of an exported function, or ``None``.

        Args:
            name: The function as WIT spells it.
            interface: The exported instance that it lies in, or ``None`` for the world itself.
        """
        if interface is None:
            return self.exports.get(name)
        found = self.interfaces.get(interface)
        return None if found is None else found.functions.get(name)

    def export_index(self, name: str, interface: str | None = None) -> wc.ExportIndex:
        """Return wasmtime's index of an exported function, looked up once."""
        key = (interface, name)
        if (index := self._indexes.get(key)) is None:
            parent = None if interface is None else self.native.get_export_index(interface)
            index = self.native.get_export_index(name, parent)
            if index is None:
                raise LookupError(f"no export {name}")
            self._indexes[key] = index
        return index
