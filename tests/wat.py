"""Writes components as WebAssembly text: constants in memory, core functions, imports and exports, all by hand.

A component made so is a kilobyte, compiles in milliseconds, and does exactly what a test wants, good or bad.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wasmtime import wat2wasm

_FIRST_ADDRESS = 1024  # Nothing lies at the null pointer.


class Memory:
    """What a component's memory holds when it starts: texts and numbers, each at an address."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def put(self, data: bytes) -> int:
        """Place bytes and return their address, which 8 divides."""
        self._bytes += bytes(-len(self._bytes) % 8)
        address = _FIRST_ADDRESS + len(self._bytes)
        self._bytes += data
        return address

    def text(self, value: str) -> tuple[int, int]:
        """Place a text and return its address and its length in bytes."""
        encoded = value.encode()
        return self.put(encoded), len(encoded)

    def words(self, *values: int) -> int:
        """Place 32-bit words and return their address."""
        return self.put(b"".join(value.to_bytes(4, "little") for value in values))

    @property
    def end(self) -> int:
        """Where free memory begins."""
        return _FIRST_ADDRESS + len(self._bytes) + (-len(self._bytes) % 8)

    def as_wat(self) -> str:
        """Return a core module with this memory and an allocator that never frees."""
        pages = self.end // 65_536 + 2
        data = "".join(f"\\{byte:02x}" for byte in self._bytes)
        return f"""
  (core module $libc
    (memory (export "memory") {pages})
    (data (i32.const {_FIRST_ADDRESS}) "{data}")
    (global $free (mut i32) (i32.const {self.end}))
    (func (export "realloc") (param $old i32) (param $was i32) (param $align i32) (param $size i32) (result i32)
      (local $found i32)
      (local.set $found (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
      (global.set $free (i32.add (local.get $found) (local.get $size)))
      (block $enough (loop $more
        (br_if $enough (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
        (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))
        unreachable))
      (memory.copy (local.get $found) (local.get $old) (local.get $was))
      (local.get $found)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))"""


@dataclass(frozen=True)
class HostImport:
    """A function that a component imports from an interface."""

    interface: str
    name: str
    component_type: str
    """WAT of its component type, which may use the types that ``INTERFACE_TYPES`` has for its interface."""
    core_params: int
    """How many 32-bit values it takes once lowered, the pointer to its answer among them."""
    core_type: str = ""
    """Its type once lowered, where that is not just 32-bit parameters."""

    @property
    def symbol(self) -> str:
        """Name of the lowered function in the core module."""
        return f"$host-{re.sub('[^a-z0-9-]', '-', self.name)}"


@dataclass(frozen=True)
class CoreFunction:
    """One exported function: its component type, and what runs."""

    name: str
    component_type: str
    """For example ``(param "input" string) (result (result string (error string)))``."""
    core_type: str
    """The same lowered, for example ``(param i32 i32) (result i32)``."""
    body: str
    imports: tuple[HostImport, ...] = ()
    locals: str = ""


@dataclass
class Draft:
    """A component under construction."""

    memory: Memory = field(default_factory=Memory)
    functions: list[CoreFunction] = field(default_factory=list)
    instances: str = ""
    """WAT that makes and exports instances of the functions, after all of them are lifted."""
    head: str = ""
    """WAT that comes first: more imports."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """WAT that comes after an imported interface, by its name: what others use of it."""
    types: str = ""
    """WAT of types that the functions' component types use."""


def assemble(draft: Draft, *, interface_types: Mapping[str, str], exported: Sequence[str]) -> bytes:
    """Return the binary component.

    Args:
        draft: What it is made of.
        interface_types: WAT of the types inside each imported interface.
        exported: Names of the functions that the world itself exports.
    """
    imports = list(dict.fromkeys(each for function in draft.functions for each in function.imports))
    parts = [
        "(component",
        draft.head,
        *_imported_instances(imports, interface_types, draft.aliases),
        draft.types,
        draft.memory.as_wat(),
        *(_lowered(each) for each in imports),
        _main_module(draft.functions, imports),
        *(_lifted(function) for function in draft.functions),
        draft.instances,
        *(f'  (export "{name}" (func ${name}))' for name in exported),
        ")",
    ]
    return bytes(wat2wasm("\n".join(parts)))


def _imported_instances(
    imports: Sequence[HostImport], interface_types: Mapping[str, str], aliases: Mapping[str, str]
) -> list[str]:
    instances = []
    for interface in dict.fromkeys(each.interface for each in imports):
        functions = "\n".join(
            f'    (export "{each.name}" (func {each.component_type}))'
            for each in imports
            if each.interface == interface
        )
        types = interface_types.get(interface, "")
        instances.append(f'  (import "{interface}" (instance ${_short(interface)}\n{types}\n{functions}))')
        instances.append(aliases.get(interface, ""))
    return instances


def _short(interface: str) -> str:
    return interface.partition("@")[0].replace(":", "-").replace("/", "-")


def _lowered(each: HostImport) -> str:
    return (
        f'  (core func {each.symbol} (canon lower (func ${_short(each.interface)} "{each.name}") '
        "(memory $memory) (realloc $realloc)))"
    )


def _words(each: HostImport) -> str:
    return f"(param{' i32' * each.core_params})"


def _main_module(functions: Sequence[CoreFunction], imports: Sequence[HostImport]) -> str:
    imported = "\n".join(
        f'    (import "host" "{each.name}" (func {each.symbol} {each.core_type or _words(each)}))' for each in imports
    )
    given = " ".join(f'(export "{each.name}" (func {each.symbol}))' for each in imports)
    bodies = "\n".join(
        f'    (func (export "{each.name}") {each.core_type} {each.locals}\n{each.body})' for each in functions
    )
    return f"""
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "libc" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
{imported}
{bodies})
  (core instance $main (instantiate $main
    (with "libc" (instance $libc)) (with "host" (instance {given}))))"""


def _lifted(function: CoreFunction) -> str:
    return (
        f"  (func ${function.name} {function.component_type} "
        f'(canon lift (core func $main "{function.name}") (memory $memory) (realloc $realloc)))'
    )
