"""Joins a component to the host interfaces it imports, and refuses what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from wasmtime import component

from ..capabilities import without_version
from ..exceptions import LinkError
from . import guard
from .component import Component
from .component_type import Interface
from .engine import get_runtime
from .handles import resource_id
from .wit import Func


@dataclass(frozen=True, slots=True)
class HostFunction:
    """A function that the host offers."""

    call: guard.HostCallable
    """Takes the call's state and the arguments, and returns the answer."""

    type: Func | None = None
    """Its WIT type, which an import must match; ``None`` takes the type from the component, as for WASI."""


@dataclass(frozen=True, slots=True)
class HostInterface:
    """A WIT interface that the host offers."""

    name: str
    """Package and interface without version, for example ``wasi:io/poll``."""

    functions: Mapping[str, HostFunction] = field(default_factory=dict)
    """Its functions by WIT name."""

    resources: Mapping[str, str] = field(default_factory=dict)
    """Its resources by name, each with where it is defined: ``pollable``, ``wasi:io/poll/pollable``.

    An interface that uses a resource of another one has it here too: to wasmtime both must be the same.
    """

    otherwise: Callable[[str, Func], HostFunction | None] = lambda name, of: None
    """What to offer for a function that is not listed."""

    def find(self, name: str, of: Func) -> HostFunction | None:
        """Return what is offered under a name, or ``None``."""
        return self.functions.get(name) or self.otherwise(name, of)


Interfaces = Mapping[str, HostInterface]
"""Everything that the host offers, by interface name without version."""


class LinkedComponent:
    """A component whose every import has its host function; ready to be called, by many threads at once.

    Attributes:
        memories: How many linear memories it has, once somebody has counted them.
    """

    def __init__(self, component_: Component, interfaces: Interfaces) -> None:
        """Link.

        Raises:
            LinkError: An import is unknown to the host or has another type there.
        """
        check_imports(component_, interfaces)
        self.memories: int | None = None
        self.component: Final = component_
        self.linker: Final = component.Linker(get_runtime().engine)
        with self.linker.root() as root:
            for full_name, instance in component_.instances.items():
                if not instance.is_types_only:
                    _define(root, full_name, instance, interfaces[without_version(full_name)])

    @property
    def exports(self) -> Mapping[str, Func]:
        """Exported functions of the world itself by name."""
        return self.component.exports

    def find_export(self, name: str, interface: str | None = None) -> Func | None:
        """Return the type of an exported function, or ``None``."""
        return self.component.find_export(name, interface)


def check_imports(component_: Component, interfaces: Interfaces) -> None:
    """Refuse a component that imports what the host does not offer, or offers with another type.

    Raises:
        LinkError: With the import's name, and both types where they differ.
    """
    for name in component_.functions:
        raise LinkError(f"imports the function {name}, which this host does not offer", missing=name)
    for full_name, instance in component_.instances.items():
        if instance.is_types_only:
            continue
        offered = interfaces.get(without_version(full_name))
        if offered is None:
            raise LinkError(f"imports {full_name}, which this host does not offer", missing=full_name)
        for name, wanted in instance.functions.items():
            _check_function(f"{full_name}#{name}", wanted, offered.find(name, wanted))
        for name in instance.resources:
            if name not in offered.resources:
                missing = f"{full_name}#{name}"
                raise LinkError(f"imports the resource {missing}, which this host does not offer", missing=missing)


def _check_function(name: str, wanted: Func, offered: HostFunction | None) -> None:
    if offered is None:
        raise LinkError(f"imports {name}, which this host does not offer", missing=name)
    if offered.type is not None and not offered.type.matches(wanted):
        raise LinkError(f"imports {name} as {wanted}, but this host offers {offered.type}", missing=name)


def _define(root: component.LinkerInstance, full_name: str, instance: Interface, offered: HostInterface) -> None:
    with root.add_instance(full_name) as target:
        for name in instance.resources:
            guard.define_resource(target, name, resource_id(offered.resources[name]))
        for name, of in instance.functions.items():
            function = offered.find(name, of)
            assert function is not None  # check_imports saw to it
            guard.define(target, name, guard.GuardedFunction(f"{full_name}#{name}", function.call, of))
