"""What can go wrong for an author beside the errors that the host has too."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
FAILED: Final = 1
WRONG_ARGUMENTS: Final = 2  # as argparse ends by itself
TOOL_MISSING: Final = 3
"""How the command line ends."""


class KitError(Exception):
    """The work failed. The author must act; the message says how."""

    code = "kit-error"
    status = FAILED


class BuildFailed(KitError):
    """A compiler refused the project, and has said why."""

    code = "build-failed"


class Usage(KitError):
    """The command was called with arguments that do not fit."""

    code = "usage"
    status = WRONG_ARGUMENTS


class ToolMissing(KitError):
    """A program that the project's language needs is not installed; the message is one line and says how to."""

    code = "tool-missing"
    status = TOOL_MISSING
