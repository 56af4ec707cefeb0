"""``plugins doctor``: tries every part that plugins need, and says what to do about those that do not work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from .answer import Answer, table
from .checkup import CHECKS
from .finding import Finding

HELP: Final = "Try every part that plugins need, and say what to do."


def add_arguments(parser: CommandParser) -> None:
    """Take none."""


def run(options: Mapping[str, Any]) -> Answer:
    """Run all checks; one that fails does not keep the others."""
    findings = [finding for check in CHECKS for finding in check()]
    failed = sum(1 for each in findings if not each.is_good)
    data = {
        "is_good": failed == 0,
        "checks": [
            {"name": each.name, "is_good": each.is_good, "message": each.message, "advice": each.advice}
            for each in findings
        ],
    }
    problem = f"{failed} of {len(findings)} checks failed" if failed else ""
    return Answer(data, table(("CHECK", "", ""), [_line(each) for each in findings]), problem)


def _line(each: Finding) -> tuple[str, str, str]:
    advice = f" → {each.advice}" if each.advice else ""
    return each.name, "good" if each.is_good else "BAD", each.message + advice
