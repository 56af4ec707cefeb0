"""``plugins sync``: make the records follow the storage now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import CommandParser

from ... import sync as syncing
from ...sync_report import Outcome, Plan, SyncReport
from ...warming import warm
from .answer import Answer, table
from .progress import compiling

HELP: Final = "Look into storage now, record what changed, and compile what this machine will be asked to call."


def add_arguments(parser: CommandParser) -> None:
    """Take ``--again`` and ``--dry-run``."""
    parser.add_argument("--again", action="store_true", help="Verify once more what was refused.")
    parser.add_argument("--dry-run", action="store_true", help="Only say what would be done.")


def run(options: Mapping[str, Any]) -> Answer:
    """Sync. What is wrong with an object is shown, and is no failure of the command."""
    if options["dry_run"]:
        return _planned(syncing.preview(again=options["again"]))
    report = syncing.sync(compiling, again=options["again"], is_asked_for=True)
    warm()
    return Answer(report.as_json(), _text(report))


def _planned(plans: tuple[Plan, ...]) -> Answer:
    changes = [each for each in plans if each.act != "nothing"]
    said = f"{len(changes)} of {len(plans)} objects would be worked on; nothing was done"
    rows = [(each.key, each.act, each.plugin or "-", each.problem) for each in changes]
    shown = table(("OBJECT", "WOULD", "PLUGIN", ""), rows) + "\n\n" + said if rows else said
    return Answer({"objects": [asdict(each) for each in plans]}, shown)


def _text(report: SyncReport) -> str:
    shown = [each for each in report.outcomes if each.result != "unchanged" or each.problem]
    if not shown:
        return str(report)
    return table(("OBJECT", "RESULT", "VERSION", ""), [_line(each) for each in shown]) + "\n\n" + str(report)


def _line(each: Outcome) -> tuple[object, ...]:
    said = each.problem or ("now its current version" if each.is_switched else "")
    return each.key, each.result, each.version or "-", said
