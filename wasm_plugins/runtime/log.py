"""What a plugin wrote while it ran: bounded, and one line for each entry."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

LINE_BYTES: Final = 4 * 1024
"""Longest line that is kept, in bytes."""

LINE_COSTS: Final = 64
"""What a line costs of the limit beside its text: each is a record in the project's log."""

TRUNCATED: Final = "log-truncated"
"""The last line of a log that was longer than its limit."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a plugin wrote."""

    level: str
    """One of ``trace``, ``debug``, ``info``, ``warn``, ``error``, ``critical``; streams are ``info`` and ``error``."""

    text: str
    """The line. It comes from the plugin: show it as text, never as markup."""

    at: float = field(default_factory=time.time)
    """Seconds since the epoch."""


class CallLog:
    """Collects a call's lines up to a limit; safe to read from another thread while the call runs."""

    def __init__(self, limit_bytes: int) -> None:
        self.lines: Final[list[LogLine]] = []
        self._left = limit_bytes
        self._unfinished: Final[dict[str, bytes]] = {}

    @property
    def is_full(self) -> bool:
        """Whether what is written now is dropped."""
        return self._left <= 0

    def write(self, level: str, text: str) -> None:
        """Keep a text, a line for each of its lines; drop and mark what is over the limit."""
        if self.is_full:
            return
        text = text[: self._left + 1]  # more could not be kept, and splitting it would cost its size many times over
        for line in text.splitlines() or [""]:
            if self.is_full:
                return
            kept = line.encode(errors="replace")[: min(LINE_BYTES, self._left)].decode(errors="ignore")
            self._left -= len(kept.encode()) + LINE_COSTS
            self.lines.append(LogLine(level, _printable(kept)))
            if self._left <= 0:
                self.lines.append(LogLine("warn", TRUNCATED))

    def write_bytes(self, level: str, data: bytes) -> None:
        """Keep what an output stream wrote; a line without its end waits for more, or for ``flush``."""
        *whole, rest = data.split(b"\n")
        for line in whole:
            if self.is_full:
                return
            self.write(level, (self._unfinished.pop(level, b"") + line).decode(errors="replace"))
        self._unfinished[level] = (self._unfinished.get(level, b"") + rest)[:LINE_BYTES]

    def flush(self) -> None:
        """Keep the lines that were never ended; for the end of a call."""
        for level in list(self._unfinished):
            if rest := self._unfinished.pop(level):
                self.write(level, rest.decode(errors="replace"))

    def text(self) -> str:
        """Return all lines as one text, each with its level."""
        return "\n".join(f"{line.level}: {line.text}" for line in list(self.lines))


def _printable(line: str) -> str:
    """Escape what could forge a line, drive a terminal or turn text around."""
    return "".join(
        char if char.isprintable() or char == "\t" else char.encode("unicode_escape").decode() for char in line
    )
