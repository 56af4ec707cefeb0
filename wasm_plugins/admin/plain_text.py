"""Texts that plugins and callers wrote, as a page may show them: whole lines, within a bound, JSON with its structure.

Nothing here is HTML: the templates escape it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Final

from django.utils.translation import gettext as _

from ..runtime.log import printable

SHOWN_CHARS: Final = 64 * 1024
"""How much of one text a page shows."""

_PARSED_CHARS: Final = 256 * 1024
"""How long a text is parsed to be shown with its structure."""


def pretty(text: str) -> str:
    """Return a JSON text with its structure on lines of its own, and any other text as it is; both bounded."""
    if len(text) <= _PARSED_CHARS:
        with suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return bounded(text)


def bounded(text: str) -> str:
    """Return the beginning of a text in which no character hides, or turns the text around it."""
    shown = "\n".join(printable(line) for line in text[:SHOWN_CHARS].split("\n"))
    left = len(text) - SHOWN_CHARS
    return shown if left <= 0 else shown + "\n" + _("… and %(left)d characters more") % {"left": left}


def split_error(text: str) -> tuple[str, str]:
    """Return the first line of an error and what follows it: of a plugin that crashed, its own backtrace."""
    said, _newline, backtrace = text.partition("\n")
    return bounded(said), bounded(backtrace.strip("\n"))
