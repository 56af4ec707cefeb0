"""``plugins disable``: one plugin, or all of them at once when something is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from ... import lifecycle
from ...models import Plugin
from .answer import Answer, get_plugin

HELP: Final = "Let a plugin no longer serve; every process notices within a second."


def add_arguments(parser: CommandParser) -> None:
    """Take a plugin, or ``--all``."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("name", nargs="?", metavar="NAME")
    which.add_argument("--all", action="store_true", dest="every", help="Disable every plugin.")


def run(options: Mapping[str, Any]) -> Answer:
    """Disable it, or all that are on."""
    plugins = Plugin.objects.filter(is_enabled=True) if options["every"] else [get_plugin(options["name"])]
    names = [lifecycle.disable(plugin).name for plugin in plugins]
    said = f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} disabled" if names else "No plugin was enabled."
    return Answer({"disabled": names}, said)
