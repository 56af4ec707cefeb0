"""The languages that plugins are written in, one file for each: how a project is known by its files, and built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from . import c, js, python, rust
from .build_run import BuildRun

__all__ = ["LANGUAGES", "BuildRun", "Language", "find_languages"]


class Language(Protocol):
    """What each of these files has."""

    TITLE: str
    """Its name, for people."""

    SOURCE: str
    """The file where an author begins to write."""

    SIGNS: str
    """Files by which a project is known to be in it, for people."""

    NEEDS: str
    """What must be installed, for people, in one line."""

    EDITOR: str
    """What helps an editor, for people."""

    def is_used(self, folder: Path) -> bool:
        """Tell whether a project looks like this language."""
        ...

    def build(self, run: BuildRun) -> bytes:
        """Run the toolchain, and return the component.

        Raises:
            ToolMissing: A program is not installed.
            BuildFailed: The toolchain refused the sources.
            OSError: A file cannot be read or written.
        """
        ...

    def write_stubs(self, run: BuildRun, target: Path) -> None:
        """Write what the world looks like to an editor into a new folder; nothing, where the language needs none.

        Raises:
            ToolMissing: A program is not installed.
            BuildFailed: It failed.
        """
        ...


LANGUAGES: Final[Mapping[str, Language]] = {"python": python, "rust": rust, "js": js, "c": c}
"""By the name that the command line has for it."""


def find_languages(folder: Path) -> list[str]:
    """List the languages that a project looks like: one, if all is well."""
    return [name for name, language in LANGUAGES.items() if language.is_used(folder)]
