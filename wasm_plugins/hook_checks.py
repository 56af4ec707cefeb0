"""System checks of the project's hooks, and of the templates that show what plugins answer to them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.template.base import Lexer, TokenType

from .hooks import Hook, declared_hooks
from .slots import find_slot
from .wit_package import is_wit_name, spelt_names

_SLOT: Final = re.compile(r"""plugin_slot\s+(["'])(?P<name>[^"'|]*)\1(?P<rest>(?:\s.*)?)""")
_TEXT: Final = re.compile(r"""(["']).*?\1""")
_ARGUMENT: Final = re.compile(r"(\w+)=")
_SUFFIXES: Final = (".html", ".htm", ".txt", ".xml", ".svg", ".jinja", ".django")


@register("wasm_plugins")
def check_hooks(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check every hook that the project declares."""
    found: list[CheckMessage] = []
    for hook in declared_hooks().values():
        found.extend(_check_database(hook))
        found.extend(_check_names(hook))
    return found


def _check_database(hook: Hook[Any]) -> Iterator[CheckMessage]:
    if hook.options.using not in connections:
        yield Error(
            f"The hook {hook.name} uses the database {hook.options.using!r}, which is not in DATABASES.",
            hint=f"Correct using= where {_place(hook)} is declared.",
            id="wasm_plugins.E050",
        )


def _check_names(hook: Hook[Any]) -> Iterator[CheckMessage]:
    if wrong := sorted({name for name in spelt_names(hook.type) if not is_wit_name(name)}):
        yield Error(
            f"The hook {hook.name} has names that WIT cannot spell: {', '.join(map(repr, wrong))}.",
            hint=f"In {_place(hook)}, use words of small letters and digits that begin with a letter, joined by _ in"
            " Python and by - in Literal.",
            id="wasm_plugins.E051",
        )


def _place(hook: Hook[Any]) -> str:
    function: Any = inspect.unwrap(hook)
    return f"{function.__module__}.{function.__qualname__}"


@register("wasm_plugins", Tags.templates)
def check_slots(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check every ``{% plugin_slot "name" %}`` in the templates of folders and apps."""
    return [problem for path in _templates() for problem in _check_template(path)]


def _templates() -> Iterator[Path]:
    backends = [engine for engine in engines.all() if isinstance(engine, DjangoTemplates)]
    for folder in sorted({Path(each) for engine in backends for each in engine.template_dirs}):
        yield from (path for path in sorted(folder.rglob("*")) if path.suffix in _SUFFIXES and path.is_file())


def _check_template(path: Path) -> Iterator[CheckMessage]:
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return  # a template that cannot be read is for whoever loads it
    for line, tag in _tags(text):
        if (slot := _SLOT.fullmatch(tag)) and (problem := _problem(slot["name"], slot["rest"])):
            yield Warning(
                f"{path}, line {line}: {problem}.",
                hint="Name a hook of the project, and its parameters as the function has them.",
                id="wasm_plugins.W052",
            )


def _tags(text: str) -> Iterator[tuple[int, str]]:
    """Yield the tags of a template that its engine would compile, each with its line: none in comments or verbatim."""
    in_comment = False
    for token in Lexer(text).tokenize():
        if token.token_type is not TokenType.BLOCK:
            continue
        if in_comment:
            in_comment = token.contents != "endcomment"
        elif token.contents.split(None, 1)[:1] == ["comment"]:
            in_comment = True
        else:
            yield token.lineno or 0, token.contents


def _problem(name: str, rest: str) -> str:
    """Say what is wrong with a slot, or nothing."""
    try:
        hook = find_slot(name)
    except ValueError as error:
        return str(error)
    try:
        inspect.signature(hook).bind(**dict.fromkeys(_ARGUMENT.findall(_TEXT.sub("", rest))))
    except TypeError as error:
        return f"the hook {name}: {error}"
    return ""
