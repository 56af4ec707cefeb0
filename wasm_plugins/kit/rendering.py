"""Makes the files of a new project out of the templates that the package carries.

A template is a file whose name ends in ``.tmpl``; in it, and in its name, ``{{key}}`` is replaced. A part of its path
that begins with ``dot-`` gets a dot, since packagers leave out files that begin with one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"
_SUFFIX: Final = ".tmpl"
_DOT: Final = "dot-"


def render(template: str, words: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Yield the path, relative to the project, and the text of every file of a template folder.

    Args:
        template: Name of a folder in ``templates/``.
        words: What to put for each ``{{key}}``.
    """
    folder = TEMPLATES / template
    for source in sorted(folder.rglob(f"*{_SUFFIX}")):
        parts = source.relative_to(folder).parts
        name = "/".join(f".{part.removeprefix(_DOT)}" if part.startswith(_DOT) else part for part in parts)
        yield Path(_filled(name.removesuffix(_SUFFIX), words)), _filled(source.read_text(encoding="utf-8"), words)


def _filled(text: str, words: Mapping[str, str]) -> str:
    for key, word in words.items():
        text = text.replace("{{" + key + "}}", word)
    return text
