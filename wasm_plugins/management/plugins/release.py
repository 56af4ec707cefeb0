"""``plugins release``: let a plugin serve again that is in quarantine or asleep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from ... import lifecycle
from ...states import state_of
from .answer import Answer, get_plugin

HELP: Final = "Release a plugin from quarantine, and wake it if it is asleep."


def add_arguments(parser: CommandParser) -> None:
    """Take the plugin."""
    parser.add_argument("name", metavar="NAME")


def run(options: Mapping[str, Any]) -> Answer:
    """Forget what all of its versions did to processes and callers."""
    released = lifecycle.release(get_plugin(options["name"]))
    plugin = get_plugin(options["name"])
    said = "is released" if released else "was neither in quarantine nor asleep"
    data = {"name": plugin.name, "released_versions": released, "state": state_of(plugin).value}
    return Answer(data, f"{plugin.name} {said}")
