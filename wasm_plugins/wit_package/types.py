"""Writes WIT types: in place where that is possible, and by a name of their own where WIT wants one."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator
from typing import Any

from ..runtime import wit
from ..signatures import wit_type
from .names import class_name, spell_name


class NamedTypes:
    """Records, enums and their like, each written once however many hooks use it.

    Attributes:
        definitions: WIT text of each, those that others use first.
        used: Names that the hook at hand uses.
    """

    def __init__(self) -> None:
        self.definitions: list[str] = []
        self.used: list[str] = []
        self._hook = ""
        self._names: dict[wit.WitType, str] = {}
        self._wished: dict[wit.WitType, str] = {}

    def begin(self, hook: str, function: Callable[..., Any]) -> None:
        """Go on to another hook; the dataclasses in its function's annotations name its records."""
        self.used, self._hook = [], hook
        for annotation in typing.get_type_hints(function, include_extras=True).values():
            for of, name in _records_in(annotation):
                self._wished.setdefault(of, name)

    def spell(self, of: wit.WitType, hint: str) -> str:
        """Return a type as it is written where it is used.

        Args:
            of: The type.
            hint: What to call it if it needs a name and has none: the parameter or field it is the type of.

        Raises:
            ValueError: WIT cannot spell a name in it.
        """
        match of:
            case wit.RecordOf() | wit.VariantOf() | wit.EnumOf() | wit.FlagsOf():
                name = self._names.get(of) or self._define(of, hint)
                if name not in self.used:
                    self.used.append(name)
                return spell_name(name)
            case wit.ListOf(element):
                return f"list<{self.spell(element, hint)}>"
            case wit.OptionOf(some):
                return f"option<{self.spell(some, hint)}>"
            case wit.TupleOf(parts):
                return f"tuple<{', '.join(self.spell(part, hint) for part in parts)}>"
            case wit.ResultOf(ok, err) if (
                ok is not None and err is not None
            ):  # as every hook answers that says something
                return f"result<{self.spell(ok, hint)}, {self.spell(err, hint)}>"
        return str(of)

    def _define(self, of: wit.WitType, hint: str) -> str:
        outer, self.used = self.used, []  # what a definition uses lies beside it
        text = self._definition(of)
        self.used = outer
        name = self._names[of] = self._free(self._wished.get(of, hint))
        self.definitions.append(text.replace("NAME", spell_name(name), 1))
        return name

    def _definition(self, of: wit.WitType) -> str:
        """Return a type's definition, with ``NAME`` where its name goes."""
        match of:
            case wit.RecordOf(fields):
                kind, lines = "record", [f"{spell_name(name)}: {self.spell(each, name)}" for name, each in fields]
            case wit.VariantOf(cases):
                kind, lines = "variant", [self._case(name, each) for name, each in cases]
            case wit.EnumOf(names):
                kind, lines = "enum", [spell_name(name) for name in names]
            case wit.FlagsOf(names):
                kind, lines = "flags", [spell_name(name) for name in names]
            case _:
                raise TypeError(f"{of} needs no name")
        return "\n".join([f"{kind} NAME {{", *(f"    {line}," for line in lines), "}"])

    def _case(self, name: str, payload: wit.WitType | None) -> str:
        return spell_name(name) if payload is None else f"{spell_name(name)}({self.spell(payload, name)})"

    def _free(self, wished: str) -> str:
        """Return a name that no other type has: two dataclasses may be called the same."""
        taken = set(self._names.values())
        names = [wished, f"{self._hook}-{wished}", *(f"{wished}-v{number}" for number in range(2, len(taken) + 3))]
        return next(name for name in names if name not in taken)


def _records_in(annotation: Any) -> Iterator[tuple[wit.WitType, str]]:
    """Find the dataclasses in an annotation: the record of each, and its class's name as WIT would spell it."""
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        yield wit_type(annotation), class_name(annotation.__name__)
        for inner in typing.get_type_hints(annotation, include_extras=True).values():
            yield from _records_in(inner)
    for argument in typing.get_args(annotation):
        yield from _records_in(argument)
