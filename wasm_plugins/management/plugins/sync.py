"""``plugins sync``: make the records follow the storage now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from ... import sync as syncing
from ...sync_report import Outcome, SyncReport
from ...warming import warm
from .answer import Answer, table
from .progress import compiling

HELP: Final = "Look into storage now, record what changed, and compile what this machine will be asked to call."


def add_arguments(parser: CommandParser) -> None:
    """Take ``--again``."""
    parser.add_argument("--again", action="store_true", help="Verify once more what was refused.")


def run(options: Mapping[str, Any]) -> Answer:
    """Sync. What is wrong with an object is shown, and is no failure of the command."""
    report = syncing.sync(compiling, again=options["again"], is_asked_for=True)
    warm()
    return Answer(report.as_json(), _text(report))


def _text(report: SyncReport) -> str:
    shown = [each for each in report.outcomes if each.result != "unchanged" or each.problem]
    if not shown:
        return str(report)
    return table(("OBJECT", "RESULT", "VERSION", ""), [_line(each) for each in shown]) + "\n\n" + str(report)


def _line(each: Outcome) -> tuple[object, ...]:
    said = each.problem or ("now its current version" if each.is_switched else "")
    return each.key, each.result, each.version or "-", said
