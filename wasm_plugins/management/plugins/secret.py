"""``plugins secrets``: list, set, unset and rotate what a plugin must know and nobody else may."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser
from django.views.decorators.debug import sensitive_variables

from ...models import Plugin
from ...sealing import SecretValue
from ...secret_acts import VALUE_BYTES, Obstacle, find_obstacle, list_secrets, rotate_secrets, set_secret, unset_secret
from .answer import Answer, Usage, get_plugin, table

HELP: Final = "List, set and take away the secrets of a plugin; values are never shown."
_VERBS: Final = ("list", "set", "unset", "rotate")


def add_arguments(parser: CommandParser) -> None:
    """Take what to do, the plugin, and the secret."""
    parser.add_argument("verb", choices=_VERBS, metavar="VERB", help="list, set, unset or rotate.")
    parser.add_argument("plugin", nargs="?", metavar="PLUGIN", help="Whose; list and rotate take all without it.")
    parser.add_argument("name", nargs="?", metavar="NAME", help="Which secret, for set and unset.")
    parser.add_argument(
        "--from-env",
        metavar="VARIABLE",
        help="Take the value from this environment variable, and not from standard input.",
    )


def run(options: Mapping[str, Any]) -> Answer:
    """Do it; the value never is an argument, which every process of the machine could read."""
    verb, plugin, name = options["verb"], options["plugin"], options["name"]
    if (verb in ("set", "unset")) != (name is not None):
        wanted = "PLUGIN and NAME" if verb in ("set", "unset") else "PLUGIN at most"
        raise Usage(f"secrets {verb} takes {wanted}")
    if options["from_env"] is not None and verb != "set":
        raise Usage("--from-env is for secrets set")
    if verb == "set":
        return _set(get_plugin(plugin), name, options["from_env"])
    if verb == "unset":
        return _unset(get_plugin(plugin), name)
    plugins = list(Plugin.objects.all()) if plugin is None else [get_plugin(plugin)]
    return _list(plugins) if verb == "list" else _rotate(plugins)


def _list(plugins: list[Plugin]) -> Answer:
    rows = [(plugin, secret) for plugin in plugins for secret in list_secrets(plugin)]
    data = [
        {
            "plugin": plugin.name,
            "name": secret.name,
            "set_at": secret.updated_at,
            "set_by": None if secret.updated_by is None else secret.updated_by.get_username(),
        }
        for plugin, secret in rows
    ]
    lines = [
        (each["plugin"], each["name"], f"{each['set_at']:%Y-%m-%d %H:%M}", each["set_by"] or "system") for each in data
    ]
    text = table(("PLUGIN", "SECRET", "SET", "BY"), lines) if lines else "No secrets are set."
    return Answer({"secrets": data}, text)


@sensitive_variables()
def _set(plugin: Plugin, name: str, variable: str | None) -> Answer:
    value = _from_stdin() if variable is None else _from_environment(variable)
    try:
        set_secret(plugin, name, value)
    except ValueError as error:
        raise Usage(str(error)) from error
    warnings = _warnings(plugin)
    lines = [f"{plugin.name}: {name} is set", *(f"warning: {each}" for each in warnings)]
    return Answer({"plugin": plugin.name, "set": [name], "warnings": warnings}, "\n".join(lines))


def _warnings(plugin: Plugin) -> list[str]:
    """Say what keeps the plugin from reading what was set."""
    said: Mapping[Obstacle, str] = {
        "not-asked": f"{plugin.name} cannot read it: its current version does not ask for the capability config",
        "not-granted": f"{plugin.name} cannot read it yet: plugins enable {plugin.name} --grant config grants that",
    }
    obstacle = find_obstacle(plugin)
    return [said[obstacle]] if obstacle else []


def _unset(plugin: Plugin, name: str) -> Answer:
    was_set = unset_secret(plugin, name)
    problem = "" if was_set else f"{plugin.name} has no secret {name[:128]}"
    said = f"{plugin.name}: {name} is not set any more" if was_set else ""
    return Answer({"plugin": plugin.name, "unset": [name] if was_set else []}, said, problem)


def _rotate(plugins: list[Plugin]) -> Answer:
    rotated = {plugin.name: rotate_secrets(plugin) for plugin in plugins}
    count = sum(map(len, rotated.values()))
    return Answer({"rotated": rotated}, f"{count} secrets are encrypted anew; older keys are not needed any more.")


@sensitive_variables()
def _from_stdin() -> SecretValue:
    """Read the value; one line break at its end, which an editor or ``echo`` puts there, is no part of it."""
    if sys.stdin.isatty():
        sys.stderr.write("The value, then Ctrl-D:\n")
    text = sys.stdin.read(VALUE_BYTES + 2)
    return SecretValue(text.removesuffix("\n").removesuffix("\r"))


@sensitive_variables()
def _from_environment(variable: str) -> SecretValue:
    if variable not in os.environ:
        raise Usage(f"there is no environment variable {variable[:128]}")
    return SecretValue(os.environ[variable])
