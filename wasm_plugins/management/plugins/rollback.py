"""``plugins rollback``: go back to an earlier version, from the copy that was kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from ... import lifecycle
from ...exceptions import PluginError
from .answer import Answer, get_plugin

HELP: Final = "Go back to the version before, or to another one."


def add_arguments(parser: CommandParser) -> None:
    """Take the plugin, and a version."""
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--to", type=int, metavar="N", help="Which version; else the last verified one before.")


def run(options: Mapping[str, Any]) -> Answer:
    """Switch; whether the plugin is enabled stays as it is."""
    plugin = get_plugin(options["name"])
    number = options["to"] if options["to"] is not None else lifecycle.previous_version(plugin)
    if number is None:
        raise PluginError("has no earlier verified version", plugin=plugin.name)
    left = None if plugin.current_version is None else plugin.current_version.number
    plugin = lifecycle.use_version(plugin, number)
    data = {"name": plugin.name, "version": number, "previous_version": left, "is_enabled": plugin.is_enabled}
    return Answer(data, f"{plugin.name} is at version {number} now, it was at {left or 'none'}")
