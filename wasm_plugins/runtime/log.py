"""What a plugin wrote while it ran: bounded, and one line for each entry."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from .redaction import Redactor

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
    """Collects a call's lines up to its limits; safe to read from another thread while the call runs.

    Attributes:
        redactor: What takes the secrets that the call has read out of every line before it is kept, and out of
            whatever else the call says.
    """

    def __init__(self, limit_bytes: int, limit_lines: int = 200) -> None:
        self.lines: Final[list[LogLine]] = []
        self.spent_bytes = 0
        self.bound(limit_bytes, limit_lines)
        self.redactor: Final = Redactor()
        self._unfinished: Final[dict[str, bytes]] = {}

    def bound(self, limit_bytes: int, limit_lines: int) -> None:
        """Take other limits, for a log that is older than what is known of its call."""
        self._limit_bytes = limit_bytes
        self._limit_lines = limit_lines

    @property
    def is_full(self) -> bool:
        """Whether what is written now is dropped."""
        return self._left <= 0 or len(self.lines) >= self._limit_lines

    @property
    def _left(self) -> int:
        return self._limit_bytes - self.spent_bytes

    def write(self, level: str, text: str) -> None:
        """Keep a text, a line for each of its lines; drop and mark what is over the limit."""
        if self.is_full:
            return
        # More could not be kept, and splitting it would cost its size many times over.
        text = self.redactor.redact_start(text, self._left + 1)
        for line in text.splitlines() or [""]:
            if self.is_full:
                return
            self._keep(level, line)

    def _keep(self, level: str, line: str) -> None:
        """Keep one line as it is shown, or the mark in its place where there is room for no other line after it."""
        if len(self.lines) + 1 < self._limit_lines:
            most = min(LINE_BYTES, self._left)
            kept = printable(line[:most]).encode(errors="replace")[:most]
            self.spent_bytes += len(kept) + LINE_COSTS
            self.lines.append(LogLine(level, kept.decode(errors="ignore")))
            if self._left > 0:
                return
        self.lines.append(LogLine("warn", TRUNCATED))

    def write_bytes(self, level: str, data: bytes) -> None:
        """Keep what an output stream wrote; a line without its end waits for more, or for ``flush``."""
        *whole, rest = data.split(b"\n")
        for line in whole:
            if self.is_full:
                return
            self._finish(level, self._unfinished.pop(level, b"") + line)
        self._unfinished[level] = (self._unfinished.get(level, b"") + rest)[: self._line_limit]

    def flush(self) -> None:
        """Keep the lines that were never ended; for the end of a call."""
        for level in list(self._unfinished):
            if rest := self._unfinished.pop(level):
                self._finish(level, rest)

    @property
    def _line_limit(self) -> int:
        """Bytes of a stream's line that are looked at: what is kept, and a secret that begins at its end."""
        return LINE_BYTES + 4 * self.redactor.longest  # a character of UTF-8 has four bytes at most

    def _finish(self, level: str, line: bytes) -> None:
        is_cut = len(line) >= self._line_limit
        text = line[: self._line_limit].decode(errors="replace")
        self.write(level, self.redactor.redact_start(text, LINE_BYTES, is_cut=is_cut))

    def text(self) -> str:
        """Return all lines as one text, each with its level."""
        return "\n".join(f"{line.level}: {line.text}" for line in list(self.lines))


def printable(line: str) -> str:
    """Escape what could forge a line, drive a terminal or turn text around; a tab becomes blanks."""
    line = line.expandtabs(4)
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)
