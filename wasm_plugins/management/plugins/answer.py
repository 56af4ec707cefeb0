"""What a subcommand answers: data for programs, text for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...exceptions import PluginError, PluginNotFound
from ...models import Plugin
from ...runtime.log import printable


class Usage(Exception):
    """The command was called wrongly. The caller must act."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a subcommand."""

    data: Any
    """Plain values, for ``--json``."""

    text: str
    """The same for people; may be empty."""

    problem: str = ""
    """Why the command ends with status 1 although there is an answer."""


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return aligned columns under their heads; lines end without blanks."""
    lines = [[printable(str(cell)) for cell in line] for line in (head, *rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def printable_lines(text: str) -> str:
    """Return a text of several lines that cannot steer a terminal, whoever wrote it."""
    return "\n".join(printable(line) for line in text.split("\n"))


def size_text(size_bytes: int) -> str:
    """Return a size as people read it."""
    if size_bytes < 1_000:
        return f"{size_bytes} B"
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1_000:.0f} kB"
    return f"{size_bytes / 1_000_000:.0f} MB"


def error_data(code: str, error: Exception) -> dict[str, Any]:
    """Return an error as ``--json`` shows it, always with the same keys."""
    if isinstance(error, PluginError):
        return {"code": code, "message": error.message, "plugin": error.plugin, "version": error.version}
    message = str(error).strip().removeprefix("Error: ")  # Django's parser puts it before what argparse says
    return {"code": code, "message": message, "plugin": None, "version": None}


def json_argument(text: str, what: str) -> Any:
    """Return the value of a JSON argument.

    Raises:
        Usage: It is no JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise Usage(f"{what}: {shown} is no JSON; a text is written '\"like this\"'") from None


def get_plugin(name: str) -> Plugin:
    """Return a plugin by name.

    Raises:
        PluginNotFound: There is none.
    """
    plugin = Plugin.objects.select_related("current_version__health").filter(name=name).first()
    if plugin is None:
        raise PluginNotFound(f"there is no plugin {name}; plugins list shows those that there are")
    return plugin
