"""From a Python function's annotations to the WIT type that plugins must export, and the list of all such hooks."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, Union

from .manifest_reader import check_name
from .runtime import wit
from .runtime.values import wit_name

S8 = Annotated[int, wit.S8]
S16 = Annotated[int, wit.S16]
S32 = Annotated[int, wit.S32]
U8 = Annotated[int, wit.U8]
U16 = Annotated[int, wit.U16]
U32 = Annotated[int, wit.U32]
U64 = Annotated[int, wit.U64]
F32 = Annotated[float, wit.F32]
"""Annotations for numbers that are not the ``s64`` and ``f64`` of plain ``int`` and ``float``."""

_PLAIN: Final[Mapping[Any, wit.WitType]] = {
    bool: wit.BOOL,
    int: wit.S64,
    float: wit.F64,
    str: wit.STRING,
    bytes: wit.ListOf(wit.U8),
}


def hook_type(function: Callable[..., Any]) -> wit.Func:
    """Return the WIT type of a hook: the parameters as annotated, and ``result<returned, string>``.

    Raises:
        TypeError: A parameter lacks an annotation, cannot be passed by position, or has a type without a WIT equal.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    params = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
            raise TypeError(f"{function.__qualname__}: {name} must be an ordinary parameter")
        if name not in hints:
            raise TypeError(f"{function.__qualname__}: {name} needs an annotation, which is its WIT type")
        params.append((wit_name(name), wit_type(hints[name])))
    returned = hints.get("return", type(None))
    ok = None if returned is type(None) else wit_type(returned)
    return wit.Func(tuple(params), wit.ResultOf(ok, wit.STRING))


def wit_type(annotation: Any) -> wit.WitType:
    """Return the WIT type of an annotation.

    ``bool``, ``int``, ``float``, ``str`` and ``bytes``; ``list``, ``tuple`` and ``X | None`` of those; a dataclass is a
    record, ``Literal`` of texts is an enum, and ``Annotated[int, wit.U32]`` (or ``U32`` of this module) says which.

    Raises:
        TypeError: There is no such type in WIT.
    """
    if isinstance(annotation, type) and annotation in _PLAIN:
        return _PLAIN[annotation]
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return _record(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return next((extra for extra in arguments[1:] if isinstance(extra, wit.WitType)), None) or wit_type(
            arguments[0]
        )
    if origin is list:
        return wit.ListOf(wit_type(arguments[0]))
    if origin is tuple and arguments and Ellipsis not in arguments:
        return wit.TupleOf(tuple(map(wit_type, arguments)))
    if origin in (Union, types.UnionType) and len(arguments) == 2 and type(None) in arguments:
        return wit.OptionOf(wit_type(next(each for each in arguments if each is not type(None))))
    if origin is Literal and all(isinstance(each, str) for each in arguments):
        return wit.EnumOf(arguments)
    raise TypeError(f"{annotation!r} has no WIT type; see wasm_plugins.signatures.wit_type for those that have")


def _record(of: type) -> wit.RecordOf:
    hints = typing.get_type_hints(of, include_extras=True)
    return wit.RecordOf(tuple((wit_name(field.name), wit_type(hints[field.name])) for field in dataclasses.fields(of)))


_declared: dict[str, wit.Func] = {}


def declare_hook(name: str, of: wit.Func) -> None:
    """Make a hook known, so that plugins are held to its type.

    Raises:
        ValueError: Another hook has that name and another type.
        ManifestError: It is no WIT name.
    """
    check_name(name, "hook")
    known = _declared.setdefault(name, of)
    if known != of:
        raise ValueError(f"hook {name} is declared twice: {known} and {of}")


def find_hook_type(name: str) -> wit.Func | None:
    """Return the type of a declared hook, or ``None``."""
    return _declared.get(name)


def hook_signatures() -> Mapping[str, wit.Func]:
    """Return the types of all declared hooks by WIT name."""
    return dict(_declared)
