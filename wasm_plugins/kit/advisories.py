"""``wasm-plugins advisories``: which upstream advisories are about the wasmtime that is installed, and which apply."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from wasm_plugins.runtime.advisories import report

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subcommands: Subcommands) -> None:
    """Add the subcommand to the command line."""
    parser = subcommands.add_parser("advisories", help="compare the installed wasmtime with upstream advisories")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    strictness = parser.add_mutually_exclusive_group()
    strictness.add_argument("--strict", action="store_true", help="fail for those too that are accepted with a reason")
    strictness.add_argument("--allow-accepted", action="store_true", help="let those pass, as without it")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the report; status 1 if an advisory applies that the project has not accepted."""
    found = report()
    print(json.dumps(found.as_json(), indent=2) if arguments.json else "\n".join(found.lines()))
    return 1 if found.problem(is_strict=arguments.strict) else 0
