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
    """Collects a call's lines up to a limit; safe to read from another thread while the call runs.

    Attributes:
        redactor: What takes the secrets that the call has read out of every line before it is kept, and out of
            whatever else the call says.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.lines: Final[list[LogLine]] = []
        self.redactor: Final = Redactor()
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
        # More could not be kept, and splitting it would cost its size many times over.
        text = self.redactor.redact_start(text, self._left + 1)
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


def _printable(line: str) -> str:
    """Escape what could forge a line, drive a terminal or turn text around."""
    return "".join(
        char if char.isprintable() or char == "\t" else char.encode("unicode_escape").decode() for char in line
    )
