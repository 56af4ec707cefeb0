"""``plugins advisories``: which upstream advisories are about the wasmtime that is installed, and which apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from ...runtime.advisories import report
from .answer import Answer

HELP: Final = "Compare the installed wasmtime with the upstream advisories that this release knows of."


def add_arguments(parser: CommandParser) -> None:
    """Take ``--allow-accepted``."""
    parser.add_argument("--allow-accepted", action="store_true", help="Let those pass that are accepted with a reason.")


def run(options: Mapping[str, Any]) -> Answer:
    """Report; a failure if an advisory applies."""
    found = report()
    counted = found.open if options["allow_accepted"] else found.applying
    problem = f"{len(counted)} advisories apply" if counted else ""
    return Answer(found.as_json(), "\n".join(found.lines()), problem)
