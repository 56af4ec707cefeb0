"""What a failure looks like in the project's log: on lines that are ours, bounded, whatever a plugin put into it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from itertools import islice
from typing import Final

from .exceptions import PluginTrapped
from .runtime.log import printable

MOST_LINES: Final = 60
LINE_CHARS: Final = 300
"""Longest line, beside its indentation."""

_MOST_CAUSES: Final = 8
_MOST_FRAMES: Final = 6


def failure_text(error: BaseException) -> str:
    """Return an error with what led to it, where it happened, and the backtrace of a crash.

    Names of functions in a backtrace come from the component, and texts of errors may quote what a plugin wrote:
    nothing of it begins a line, drives a terminal, or is longer than it has to be. Secrets were taken out of the error
    when it left the call.
    """
    first, *rest = islice(_lines(error), MOST_LINES)
    return "\n".join([first, *(f"    {line}" for line in rest)])


def _lines(error: BaseException) -> Iterator[str]:
    yield _line(_said_by(error))
    cause: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if cause is None:
            return
        if cause is not error:
            yield _line(f"because of {type(cause).__name__}: {_said_by(cause)}")
        for frame in traceback.extract_tb(cause.__traceback__)[-_MOST_FRAMES:]:
            yield _line(f"at {frame.filename}:{frame.lineno} in {frame.name}")
        if isinstance(cause, PluginTrapped):
            yield from map(_line, cause.backtrace.split("\n"))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _said_by(error: BaseException) -> str:
    """Return an error's text; an exception of a library may fail to say what it is, and must not hide the others."""
    try:
        return str(error)
    except Exception as failure:  # whatever a library's __str__ raises
        return f"(it has no text: {type(failure).__name__})"


def _line(text: str) -> str:
    return printable(text[:LINE_CHARS])[:LINE_CHARS]
