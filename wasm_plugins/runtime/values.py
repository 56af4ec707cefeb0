"""What WIT values look like in Python, and how big they are.

| WIT | Python |
|---|---|
| ``bool``, integers, floats, ``char``, ``string`` | ``bool``, ``int``, ``float``, ``str`` of length 1, ``str`` |
| ``list<u8>`` | ``bytes`` |
| ``list<t>`` | ``list`` |
| ``tuple<…>`` | ``tuple`` |
| ``record`` | ``dict`` by WIT name; a dataclass or mapping is accepted too |
| ``option<t>`` | ``None`` or the value; ``Some(value)`` where ``t`` itself may be ``None`` |
| ``result<…>`` | ``Ok(value)`` or ``Err(value)``, always |
| ``variant`` | ``Variant(case, payload)`` |
| ``enum`` | ``str`` |
| ``flags`` | ``frozenset`` of ``str`` |
| ``own``, ``borrow`` | the host's own object behind the handle |
"""

from __future__ import annotations

from dataclasses import dataclass

from .wit import OptionOf, WitType


@dataclass(frozen=True, slots=True)
class Ok:
    """The good side of a WIT ``result``."""

    value: object = None


@dataclass(frozen=True, slots=True)
class Err:
    """The bad side of a WIT ``result``."""

    value: object = None


@dataclass(frozen=True, slots=True)
class Variant:
    """One case of a WIT ``variant``."""

    case: str
    payload: object = None


@dataclass(frozen=True, slots=True)
class Some:
    """A present value of an ``option`` whose inner type is an ``option`` too."""

    value: object


def is_nested_option(of: OptionOf) -> bool:
    """Tell whether ``None`` alone could not say which of two options is empty."""
    return isinstance(of.some, OptionOf)


def wit_name(python_name: str) -> str:
    """Spell a Python name as WIT does: ``order_id`` becomes ``order-id``."""
    return python_name.replace("_", "-")


class CountMismatch(TypeError):
    """There are more or fewer arguments than parameters; the caller of a hook must act."""


class ValueMismatch(TypeError):
    """A Python value does not fit the WIT type it is sent as; the caller of a hook must act.

    Attributes:
        expected: The WIT type.
    """

    def __init__(self, expected: WitType, value: object, *, why: str = "") -> None:
        shown = repr(value)
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        super().__init__(f"expected {expected}, got {type(value).__name__} {shown}{why and ': ' + why}")
        self.expected = expected
