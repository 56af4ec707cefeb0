"""WIT types as plain values: compared with ``==``, printed as WIT text, and knowing no engine.

The grammar is that of the component model's WIT design document; record and case names stay kebab-case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


class WitType:
    """Any WIT value type; ``str()`` of it is WIT text."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Primitive(WitType):
    """A type without parts: ``bool``, the integers, the floats, ``char`` and ``string``."""

    name: str

    def __str__(self) -> str:
        return self.name


BOOL: Final = Primitive("bool")
S8: Final = Primitive("s8")
S16: Final = Primitive("s16")
S32: Final = Primitive("s32")
S64: Final = Primitive("s64")
U8: Final = Primitive("u8")
U16: Final = Primitive("u16")
U32: Final = Primitive("u32")
U64: Final = Primitive("u64")
F32: Final = Primitive("f32")
F64: Final = Primitive("f64")
CHAR: Final = Primitive("char")
STRING: Final = Primitive("string")
PRIMITIVES: Final = {each.name: each for each in (BOOL, S8, S16, S32, S64, U8, U16, U32, U64, F32, F64, CHAR, STRING)}
"""All of them by name."""


@dataclass(frozen=True, slots=True)
class ListOf(WitType):
    """``list<element>``."""

    element: WitType

    def __str__(self) -> str:
        return f"list<{self.element}>"


@dataclass(frozen=True, slots=True)
class OptionOf(WitType):
    """``option<some>``."""

    some: WitType

    def __str__(self) -> str:
        return f"option<{self.some}>"


@dataclass(frozen=True, slots=True)
class ResultOf(WitType):
    """``result<ok, err>``, where either side may carry nothing."""

    ok: WitType | None = None
    err: WitType | None = None

    def __str__(self) -> str:
        if self.err is None:
            return "result" if self.ok is None else f"result<{self.ok}>"
        return f"result<{self.ok or '_'}, {self.err}>"


@dataclass(frozen=True, slots=True)
class TupleOf(WitType):
    """``tuple<a, b, …>``."""

    types: tuple[WitType, ...]

    def __str__(self) -> str:
        return f"tuple<{', '.join(map(str, self.types))}>"


@dataclass(frozen=True, slots=True)
class RecordOf(WitType):
    """``record { name: type, … }``, shown with its fields since structure is what two sides compare."""

    fields: tuple[tuple[str, WitType], ...]

    def __str__(self) -> str:
        return "record { " + ", ".join(f"{name}: {of}" for name, of in self.fields) + " }"


@dataclass(frozen=True, slots=True)
class VariantOf(WitType):
    """``variant { case, case(type), … }``."""

    cases: tuple[tuple[str, WitType | None], ...]

    def __str__(self) -> str:
        shown = (name if of is None else f"{name}({of})" for name, of in self.cases)
        return "variant { " + ", ".join(shown) + " }"


@dataclass(frozen=True, slots=True)
class EnumOf(WitType):
    """``enum { case, … }``."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "enum { " + ", ".join(self.names) + " }"


@dataclass(frozen=True, slots=True)
class FlagsOf(WitType):
    """``flags { name, … }``."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "flags { " + ", ".join(self.names) + " }"


@dataclass(frozen=True, slots=True)
class Handle(WitType):
    """``own<resource>`` or ``borrow<resource>``; the component's type does not tell the resource's name."""

    owned: bool

    def __str__(self) -> str:
        return "own<resource>" if self.owned else "borrow<resource>"


@dataclass(frozen=True, slots=True)
class Unsupported(WitType):
    """A type of a proposal that this host leaves off: ``future``, ``stream``, ``error-context``, ``map``."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Func:
    """The type of a function."""

    params: tuple[tuple[str, WitType], ...] = ()
    result: WitType | None = None

    def __str__(self) -> str:
        params = ", ".join(f"{name}: {of}" for name, of in self.params)
        return f"func({params})" if self.result is None else f"func({params}) -> {self.result}"

    def matches(self, other: Func) -> bool:
        """Tell whether the other function has the same types; names of parameters are only documentation."""
        return self.result == other.result and [of for _, of in self.params] == [of for _, of in other.params]


def parts(of: WitType) -> tuple[WitType, ...]:
    """List the types that a type is directly made of."""
    match of:
        case ListOf(inner) | OptionOf(inner):
            return (inner,)
        case ResultOf(ok, err):
            return tuple(part for part in (ok, err) if part is not None)
        case TupleOf(types):
            return types
        case RecordOf(fields):
            return tuple(field for _, field in fields)
        case VariantOf(cases):
            return tuple(payload for _, payload in cases if payload is not None)
    return ()
