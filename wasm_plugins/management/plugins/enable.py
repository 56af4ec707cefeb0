"""``plugins enable``: grant what is to be granted, and let a plugin serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.core.management.base import CommandParser
from django.db import transaction

from ... import lifecycle
from ...exceptions import CapabilityDenied, PluginError
from ...grants import requested_scopes
from ...models import Plugin, PluginVersion
from .answer import Answer, Usage, get_plugin, json_argument
from .warnings import warnings_of

HELP: Final = "Let a plugin serve."
_ALL: Final = "requested"


def add_arguments(parser: CommandParser) -> None:
    """Take the plugin, a version, and grants."""
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--version", dest="number", type=int, metavar="N", help="Which version; else the current one.")
    parser.add_argument(
        "--grant",
        action="append",
        default=[],
        metavar="CAPABILITY[=SCOPE]",
        help=f"Grant a capability, with a scope in JSON or the one it asks for; '{_ALL}' grants all it asks for.",
    )


def run(options: Mapping[str, Any]) -> Answer:
    """Enable it: all of the grants and the switch, or nothing."""
    plugin = get_plugin(options["name"])
    with transaction.atomic():
        granted = _grant(plugin, options["number"], options["grant"])
        try:
            plugin = lifecycle.enable(plugin, version=options["number"])
        except CapabilityDenied as error:
            raise CapabilityDenied(
                f"{error.message}; --grant {_ALL} grants it", missing=error.missing, plugin=error.plugin
            ) from error
    assert plugin.current_version is not None  # enabling saw to it
    number, warnings = plugin.current_version.number, warnings_of(plugin, plugin.current_version)
    data = {"name": plugin.name, "is_enabled": True, "version": number, "granted": granted, "warnings": warnings}
    with_grants = f", with {', '.join(granted)}" if granted else ""
    lines = [f"{plugin.name} version {number} is enabled{with_grants}", *(f"warning: {each}" for each in warnings)]
    return Answer(data, "\n".join(lines))


def _grant(plugin: Plugin, number: int | None, wishes: Sequence[str]) -> dict[str, Any]:
    asked = requested_scopes(_version(plugin, number)) if wishes else {}
    granted: dict[str, Any] = {}
    for wish in wishes:
        name, is_given, scope = wish.partition("=")
        if wish == _ALL:
            granted |= asked
        else:
            granted[name] = json_argument(scope, f"--grant {name}") if is_given else asked.get(name, {})
    for name, scope in granted.items():
        try:
            lifecycle.grant(plugin, name, scope)
        except ValueError as error:
            raise Usage(f"--grant {name}: {error}") from error
    return granted


def _version(plugin: Plugin, number: int | None) -> PluginVersion:
    """Return the version whose wishes are to be granted."""
    found = plugin.current_version if number is None else plugin.versions.filter(number=number).first()
    if found is None or found.state != PluginVersion.State.VERIFIED:
        wanted = "has no verified version" if number is None else f"has no verified version {number}"
        raise PluginError(wanted, plugin=plugin.name)
    return found
