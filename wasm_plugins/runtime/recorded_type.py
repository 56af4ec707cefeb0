"""Writes a component's type as JSON and reads it again: to ask wasmtime for one takes longer than to load the code.

Every type stands once in a list, after those that it is made of, and is named by its place there: the types of a
Python plugin with all of WASI are some hundred, and are used a thousand times.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from . import wit
from .component_type import ComponentType, Interface

REVISION: Final = 1
"""To be raised with every change of what is read of a component, or of how it is written."""

_Node = list[Any]
"""A type's kind, and what it is made of: names, and places of other types."""


def write_type(of: ComponentType) -> bytes:
    """Return a component's type as JSON, in UTF-8."""
    writer = _Writer()
    record = {
        "revision": REVISION,
        "instances": {name: writer.interface(each) for name, each in of.instances.items()},
        "functions": writer.functions(of.functions),
        "interfaces": {name: writer.interface(each) for name, each in of.interfaces.items()},
        "exports": writer.functions(of.exports),
        "types": writer.nodes,
    }
    return json.dumps(record, separators=(",", ":")).encode()


def read_type(data: bytes) -> ComponentType:
    """Return what was written; the bytes must be known to come from ``write_type``.

    Raises:
        ValueError: They are no JSON.
        LookupError: They are JSON of something else, as another release may have written.
    """
    record = json.loads(data)
    try:
        return _read(record)
    except (TypeError, AttributeError) as error:
        raise LookupError("it is no component's type") from error


def _read(record: Any) -> ComponentType:
    if record["revision"] != REVISION:
        raise LookupError(f"revision {record['revision']}, not {REVISION}")
    reader = _Reader(record["types"])
    return ComponentType(
        instances={name: reader.interface(each) for name, each in record["instances"].items()},
        functions=reader.functions(record["functions"]),
        interfaces={name: reader.interface(each) for name, each in record["interfaces"].items()},
        exports=reader.functions(record["exports"]),
    )


class _Writer:
    """Collects types, each once."""

    def __init__(self) -> None:
        self.nodes: Final[list[_Node]] = []
        self._places: Final[dict[wit.WitType, int]] = {}

    def interface(self, each: Interface) -> _Node:
        return [self.functions(each.functions), each.resources]

    def functions(self, functions: Mapping[str, wit.Func]) -> dict[str, _Node]:
        return {
            name: [[[param, self._place(of)] for param, of in each.params], self._optional(each.result)]
            for name, each in functions.items()
        }

    def _optional(self, of: wit.WitType | None) -> int | None:
        return None if of is None else self._place(of)

    def _place(self, of: wit.WitType) -> int:
        if (place := self._places.get(of)) is None:
            node = self._node(of)
            place = self._places[of] = len(self.nodes)
            self.nodes.append(node)
        return place

    def _node(self, of: wit.WitType) -> _Node:
        match of:
            case wit.ListOf(inner):
                return ["list", self._place(inner)]
            case wit.OptionOf(inner):
                return ["option", self._place(inner)]
            case wit.ResultOf(ok, err):
                return ["result", self._optional(ok), self._optional(err)]
            case wit.TupleOf(types):
                return ["tuple", *map(self._place, types)]
            case wit.RecordOf(fields):
                return ["record", *([name, self._place(field)] for name, field in fields)]
            case wit.VariantOf(cases):
                return ["variant", *([name, self._optional(payload)] for name, payload in cases)]
            case wit.EnumOf(names):
                return ["enum", *names]
            case wit.FlagsOf(names):
                return ["flags", *names]
            case wit.Handle(owned):
                return ["handle", owned]
            case wit.Primitive(name):
                return ["primitive", name]
            case wit.Unsupported(name):
                return ["unsupported", name]
        raise TypeError(f"{of!r} is no WIT type")


class _Reader:
    """Makes types from their list; those that are used twice are one object."""

    def __init__(self, nodes: list[_Node]) -> None:
        self._types: Final[list[wit.WitType]] = []
        for kind, *made_of in nodes:
            self._types.append(_KINDS[kind](self, *made_of))

    def interface(self, written: _Node) -> Interface:
        functions, resources = written
        return Interface(self.functions(functions), tuple(resources))

    def functions(self, written: Mapping[str, _Node]) -> dict[str, wit.Func]:
        return {
            name: wit.Func(tuple((param, self.at(place)) for param, place in params), self.optional(result))
            for name, (params, result) in written.items()
        }

    def at(self, place: int) -> wit.WitType:
        return self._types[place]

    def optional(self, place: int | None) -> wit.WitType | None:
        return None if place is None else self._types[place]


_KINDS: Final[Mapping[str, Callable[..., wit.WitType]]] = {
    "primitive": lambda types, name: wit.PRIMITIVES[name],
    "list": lambda types, inner: wit.ListOf(types.at(inner)),
    "option": lambda types, inner: wit.OptionOf(types.at(inner)),
    "result": lambda types, ok, err: wit.ResultOf(types.optional(ok), types.optional(err)),
    "tuple": lambda types, *parts: wit.TupleOf(tuple(map(types.at, parts))),
    "record": lambda types, *fields: wit.RecordOf(tuple((name, types.at(of)) for name, of in fields)),
    "variant": lambda types, *cases: wit.VariantOf(tuple((name, types.optional(of)) for name, of in cases)),
    "enum": lambda types, *names: wit.EnumOf(names),
    "flags": lambda types, *names: wit.FlagsOf(names),
    "handle": lambda types, owned: wit.Handle(owned),
    "unsupported": lambda types, name: wit.Unsupported(name),
}
