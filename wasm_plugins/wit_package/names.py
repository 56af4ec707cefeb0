"""Which names WIT can spell, and how; after the section "Identifiers" of the component model's ``WIT.md``."""

from __future__ import annotations

import re
from typing import Final

from ..runtime.wit_keywords import KEYWORDS

_WORD: Final = r"(?:[a-z][a-z0-9]*|[A-Z][A-Z0-9]*)"
_NAME: Final = re.compile(rf"{_WORD}(?:-{_WORD})*")
_SMALL: Final = r"[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*"
_PACKAGE: Final = re.compile(rf"{_SMALL}:{_SMALL}")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+")


def is_wit_name(name: str) -> bool:
    """Tell whether WIT can spell a name: words of letters and digits, each of one case, with a hyphen between them."""
    return bool(_NAME.fullmatch(name))


def spell_name(name: str) -> str:
    """Return a name as WIT spells it.

    Raises:
        ValueError: It cannot.
    """
    if not is_wit_name(name):
        raise ValueError(f"WIT cannot spell the name {name!r:.80}: use words of small letters and digits, and hyphens")
    return f"%{name}" if name in KEYWORDS else name


def class_name(name: str) -> str:
    """Return the name of a Python class in kebab-case: ``OrderLine`` becomes ``order-line``."""
    return _HUMP.sub("-", name).strip("-").lower()


def spell_package(name: str) -> str:
    """Return the name of a package, such as ``shop:hooks``, as WIT spells it.

    Raises:
        ValueError: It is none that WIT takes.
    """
    if not _PACKAGE.fullmatch(name):
        raise ValueError(f"{name!r:.80} is no name of a package: write NAMESPACE:NAME, each in lower-case kebab-case")
    return ":".join(map(spell_name, name.split(":")))


def package_name(python_name: str) -> str:
    """Return a package's name for a Python package: ``my_shop`` becomes ``my-shop:hooks``."""
    name = f"{class_name(python_name)}:hooks"
    return name if _PACKAGE.fullmatch(name) else "project:hooks"
