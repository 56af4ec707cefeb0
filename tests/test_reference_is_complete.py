"""The reference leaves nothing out, wherever in the package it is: errors, checks, commands, options, addresses."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

import wasm_plugins
from tests.pages import DOCS
from wasm_plugins import exceptions
from wasm_plugins.kit import __main__ as kit

PACKAGE: Final = Path(wasm_plugins.__file__).parent
CHECK: Final = re.compile(r"\"(wasm_plugins\.[EWI]\d{3})\"")
_RUN_AT_IMPORT: Final = ("__main__", "compiler_child", "pytest_plugin")


def reference() -> str:
    """Return all pages of the reference."""
    return "\n".join(page.read_text() for page in sorted((DOCS / "reference").glob("*.md")))


@cache
def modules() -> list[ModuleType]:
    """Import every module of the package but those that are programs."""
    names = [each.name for each in pkgutil.walk_packages(wasm_plugins.__path__, "wasm_plugins.")]
    return [importlib.import_module(name) for name in names if not name.endswith(_RUN_AT_IMPORT)]


def _below(error: type) -> set[type]:
    subclasses: list[type] = error.__subclasses__()
    return {error}.union(*(_below(each) for each in subclasses))


def test_every_error_of_the_tree_stands_in_the_reference_wherever_it_is_defined() -> None:
    assert modules()
    ours = {each.__name__ for each in _below(exceptions.PluginError) if each.__module__.startswith("wasm_plugins.")}
    assert {name for name in ours if f"`{name}`" not in reference()} == set()


def test_every_code_that_an_error_carries_stands_in_the_reference() -> None:
    found = {value for module in modules() for each in vars(module).values() if (value := _code_of(each))}
    assert {code for code in found if f"`{code}`" not in reference()} == set()


def _code_of(thing: object) -> str:
    is_ours = isinstance(thing, type) and issubclass(thing, Exception) and thing.__module__.startswith("wasm_plugins.")
    code = getattr(thing, "code", "") if is_ours else ""
    return code if isinstance(code, str) else ""


def test_every_system_check_stands_in_the_reference_whichever_file_has_it() -> None:
    ids = {found for path in PACKAGE.rglob("*.py") for found in CHECK.findall(path.read_text())}
    assert ids
    assert {each for each in ids if f"`{each}`" not in reference()} == set()


def test_every_address_stands_in_the_reference_whichever_module_has_it() -> None:
    patterns = [each for module in modules() for each in getattr(module, "urlpatterns", [])]
    assert len(patterns) > 4
    named = {each.name for each in patterns} - {"nothing"}  # the answer to every other address
    assert {name for name in named if f"`{name}`" not in reference()} == set()


def test_every_command_of_django_stands_in_the_reference() -> None:
    names = [path.stem for path in (PACKAGE / "management" / "commands").glob("[a-z]*.py")]
    assert [name for name in names if f"manage.py {name}" not in reference()] == []


def _kit_commands() -> dict[str, argparse.ArgumentParser]:
    (found,) = [each for each in kit._parser()._actions if isinstance(each, argparse._SubParsersAction)]
    return dict(found.choices)


@pytest.mark.parametrize("name", _kit_commands())
def test_every_option_of_the_authors_command_line_stands_in_the_reference(name: str) -> None:
    options = {option for option in _kit_commands()[name]._option_string_actions if option.startswith("--")}
    text = reference()
    assert {option for option in options - {"--help"} if not re.search(rf"{option}\b", text)} == set()
