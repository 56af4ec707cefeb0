"""``plugins advisories``: which upstream advisories are about the wasmtime that is installed, and which apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from ...runtime.advisories import report
from .answer import Answer

HELP: Final = "Compare the installed wasmtime with the upstream advisories that this release knows of."


def add_arguments(parser: CommandParser) -> None:
    """Take how strict to be."""
    strictness = parser.add_mutually_exclusive_group()
    strictness.add_argument("--strict", action="store_true", help="Fail for those too that are accepted with a reason.")
    strictness.add_argument(
        "--allow-accepted", action="store_true", help="Let those pass; this is what it does anyway."
    )


def run(options: Mapping[str, Any]) -> Answer:
    """Report; a failure if an advisory applies that the project has not accepted."""
    found = report()
    return Answer(found.as_json(), "\n".join(found.lines()), found.problem(is_strict=options["strict"]))
