"""Writes the package: an interface with the types that have names, and a world for each hook."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..runtime import wit
from .names import spell_name, spell_package
from .types import NamedTypes

TYPES_INTERFACE: Final = "hook-types"

_HEAD: Final = """\
/// The hooks of a project, a world for each. A plugin's own world takes in those that it answers:
///
///     include {package}/{example};
package {package};
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookText:
    """What is written of one hook."""

    name: str
    type: wit.Func
    function: Callable[..., Any]
    """The function that was decorated: its annotations name the types."""

    description: str
    """For people; becomes comments."""


def package_text(package: str, hooks: Sequence[HookText]) -> str:
    """Return the text of a WIT package with a world for each hook, in which the hook is exported.

    Args:
        package: Its name, for example ``shop:hooks``.
        hooks: At least one.

    Raises:
        ValueError: WIT cannot spell the package's name, or a name that a hook uses.
    """
    types = NamedTypes()
    worlds = [_world(hook, types) for hook in hooks]
    head = _HEAD.format(package=spell_package(package), example=spell_name(hooks[0].name))
    return "\n".join([head, *_interface(types), *worlds])


def _interface(types: NamedTypes) -> list[str]:
    if not types.definitions:
        return []
    body = _indented("\n\n".join(types.definitions))
    return [f"/// Types that the hooks use.\ninterface {TYPES_INTERFACE} {{\n{body}\n}}\n"]


def _world(hook: HookText, types: NamedTypes) -> str:
    types.begin(hook.name, hook.function)
    name = spell_name(hook.name)
    params = ", ".join(f"{spell_name(param)}: {types.spell(of, param)}" for param, of in hook.type.params)
    result = "" if hook.type.result is None else f" -> {types.spell(hook.type.result, f'{hook.name}-answer')}"
    body = f"export {name}: func({params}){result};"
    if types.used:
        body = f"use {TYPES_INTERFACE}.{{{', '.join(map(spell_name, types.used))}}};\n\n{body}"
    return f"{_comment(hook.description)}world {name} {{\n{_indented(body)}\n}}\n"


def _comment(text: str) -> str:
    """Return comment lines; what is not printable is left out, since WIT takes no control characters."""
    lines = ("".join(each for each in line if each.isprintable()) for line in inspect.cleandoc(text).splitlines())
    return "".join(f"/// {line}".rstrip() + "\n" for line in lines)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.splitlines())


def spelt_names(of: wit.Func) -> Iterator[str]:
    """Name everything in a hook's type that WIT has to spell: parameters, fields, cases."""
    for name, param in of.params:
        yield name
        yield from _names_in(param)
    if of.result is not None:
        yield from _names_in(of.result)


def _names_in(of: wit.WitType) -> Iterator[str]:
    match of:
        case wit.RecordOf(entries):
            yield from (name for name, _ in entries)
        case wit.VariantOf(cases):
            yield from (name for name, _ in cases)
        case wit.EnumOf(names) | wit.FlagsOf(names):
            yield from names
    for part in wit.parts(of):
        yield from _names_in(part)
