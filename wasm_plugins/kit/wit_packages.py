"""Where the WIT packages of the host lie, and how a project gets its copy."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parent.parent
_PLACES: Final = (_PACKAGE / "wit", _PACKAGE.parent / "wit")
"""In an installed package, and in a checkout of the repository."""


def wit_folder() -> Path:
    """Return the folder that has a folder for each of the host's WIT packages."""
    return next((place for place in _PLACES if place.is_dir()), _PLACES[0])


def copy_packages(target: Path) -> None:
    """Copy every WIT package of the host into a project's ``wit/deps``, which must not be there yet.

    All of them: what a world does not import costs nothing, and the next import needs no copying.

    Raises:
        OSError: It cannot be read or written.
    """
    for package in sorted(wit_folder().iterdir()):
        if package.is_dir():
            shutil.copytree(package, target / package.name, ignore=shutil.ignore_patterns("*.md"))
