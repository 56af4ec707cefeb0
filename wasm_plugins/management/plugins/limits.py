"""``plugins limits``: show what a plugin's calls may spend, and change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.core.management.base import CommandParser
from django.db import transaction

from ... import lifecycle
from ...models import Plugin
from ...tuning import LIMITS, in_words, readable_limits
from .answer import Answer, Usage, get_plugin, table

HELP: Final = "Show or change the limits of a plugin."
_HEAD: Final = ("LIMIT", "NUMBER", "PROJECT")


def add_arguments(parser: CommandParser) -> None:
    """Take the plugin, and what to change."""
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--set", action="append", default=[], metavar="LIMIT=NUMBER", dest="numbers", help="Set one.")
    parser.add_argument("--clear", action="append", default=[], metavar="LIMIT", help="As the project has it.")


def run(options: Mapping[str, Any]) -> Answer:
    """Change them all or none, and show what holds now."""
    plugin = get_plugin(options["name"])
    if options["numbers"] or options["clear"]:
        plugin = _change(plugin, options["numbers"], options["clear"])
    own = readable_limits(plugin.limits, plugin.name)
    limits: dict[str, dict[str, Any]] = {
        name: {"number": own.get(name, limit.default), "own": own.get(name), "project": limit.default}
        for name, limit in LIMITS.items()
    }
    lines = [
        (name, in_words(name, each["number"]), "" if each["own"] is None else in_words(name, each["project"]))
        for name, each in limits.items()
    ]
    return Answer({"name": plugin.name, "limits": limits}, table(_HEAD, lines))


@transaction.atomic
def _change(plugin: Plugin, numbers: Sequence[str], cleared: Sequence[str]) -> Plugin:
    plugin = Plugin.objects.select_for_update().get(pk=plugin.pk)
    given = dict(map(_parsed, numbers))
    if unknown := [name for name in cleared if name not in LIMITS]:
        raise Usage(f"--clear {unknown[0]}: there is no such limit; there are {', '.join(LIMITS)}")
    kept = readable_limits(plugin.limits, plugin.name)
    wanted = {name: number for name, number in {**kept, **given}.items() if name in given or name not in cleared}
    try:
        return lifecycle.set_limits(plugin, wanted)
    except ValueError as error:
        raise Usage(f"--set: {error}") from error


def _parsed(wish: str) -> tuple[str, int]:
    name, _, number = wish.partition("=")
    try:
        return name, int(number)
    except ValueError:
        raise Usage(f"--set {wish[:80]}: it is written LIMIT=NUMBER, for example memory_bytes=33554432") from None
