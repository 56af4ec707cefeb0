"""An author's project: its folder, its world, and the language it is written in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wasm_plugins.kit.failures import KitError
from wasm_plugins.kit.languages import LANGUAGES, find_languages

DECLARATION: Final = "plugin.toml"
_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_GATE: Final = r"@[a-z0-9-]++\s*+(?:\([^();{}]*+\)\s*+)?"
"""What may stand before a world, such as ``@since(version = 1.0.0)``; possessive, so that no text takes long."""

_WORLD: Final = re.compile(rf"(?:^|[;{{}}])\s*+(?:{_GATE})*+world\s++%?([a-z][a-z0-9-]*+)\s*+\{{")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder with ``plugin.toml``, ``wit/`` and sources."""

    folder: Path
    """Absolute."""

    world: str
    """The world in ``wit/`` that the plugin is built for; its component is named after it."""

    language: str
    """A key of ``LANGUAGES``."""

    @property
    def declaration(self) -> Path:
        """The author's ``plugin.toml``."""
        return self.folder / DECLARATION

    @property
    def wit(self) -> Path:
        """The folder with the world and, in ``deps``, the packages it uses."""
        return self.folder / "wit"

    @property
    def output(self) -> Path:
        """Where the plugin is built."""
        return _output(self.folder, self.world)


def find_project(folder: Path, *, language: str | None = None) -> Project:
    """Return the project in a folder; which language it is in follows from its files, unless it is said.

    Raises:
        KitError: It is no project, has no world or several, or is in no language or several.
        OSError: It cannot be read.
    """
    folder = folder.resolve()
    if not (folder / DECLARATION).is_file():
        raise KitError(f"{folder} has no {DECLARATION}, so it is no project; wasm-plugins new makes one")
    return Project(folder=folder, world=_world(folder / "wit"), language=language or _language(folder))


def built_plugin_of(folder: Path) -> Path | None:
    """Return where the plugin of the nearest project is built, looked for upwards from a folder; ``None``: no project.

    Raises:
        KitError: The project has no world or several.
    """
    for each in (folder.resolve(), *folder.resolve().parents):
        if (each / DECLARATION).is_file():
            return _output(each, _world(each / "wit"))
    return None


def _output(folder: Path, world: str) -> Path:
    return folder / "build" / f"{world}.wasm"


def _world(wit: Path) -> str:
    texts = [_COMMENT.sub("", path.read_text(encoding="utf-8")) for path in sorted(wit.glob("*.wit"))]
    worlds: list[str] = [name for text in texts for name in _WORLD.findall(text)]
    if len(worlds) != 1:
        found = f"{len(worlds)} worlds ({', '.join(worlds)})" if worlds else "no world"
        raise KitError(f"{wit} has {found}; a plugin is built for one: put it into {wit / 'world.wit'}")
    return worlds[0]


def _language(folder: Path) -> str:
    found = find_languages(folder)
    if len(found) == 1:
        return found[0]
    signs = "; ".join(f"{name}: {module.SIGNS}" for name, module in LANGUAGES.items())
    if found:
        raise KitError(f"{folder} looks like {' and '.join(found)}: say --lang ({signs})")
    raise KitError(f"{folder} is in no language that is known by its files ({signs})")
