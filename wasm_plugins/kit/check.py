"""``wasm-plugins check``: everything that the host verifies, by the host's own code, and advice beside it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasm_plugins.kit.advice import advice_on
from wasm_plugins.kit.facts import fact_lines, facts_of
from wasm_plugins.kit.output import show
from wasm_plugins.kit.plugin_file import open_plugin
from wasm_plugins.kit.verdict import verify_plugin

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subcommands: Subcommands) -> None:
    """Add the subcommand to the command line."""
    parser = subcommands.add_parser("check", help="say whether a host would take a plugin, and what could be better")
    parser.add_argument("plugin", type=Path, help="the plugin, as build made it")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print facts and advice; a plugin that the host would refuse is an error, in the host's words."""
    data = checked(arguments.plugin)
    show(data, [*fact_lines(data), *verdict_lines(data)], as_json=arguments.json)
    return 0


def checked(path: Path) -> dict[str, Any]:
    """Return what is known of a plugin that the host would take.

    Raises:
        PluginError: The host would refuse it.
        ValueError: It carries a signature that does not hold.
        OSError: The file cannot be read.
    """
    plugin = open_plugin(path)
    verified = verify_plugin(plugin)
    findings = {"findings": list(verified.findings), "advice": advice_on(plugin, verified)}
    return {**facts_of(plugin, verified), **findings}


def verdict_lines(data: dict[str, Any]) -> list[str]:
    """Return findings and advice for people, and the verdict last."""
    lines = [*(f"finding: {each}" for each in data["findings"]), *(f"advice: {each}" for each in data["advice"])]
    return [*lines, "A host takes it, if the project's hooks have these types."]
