"""What can go wrong with one statement of a plugin, by who must act."""

from __future__ import annotations

from typing import Final

LONGEST_REASON: Final = 500
"""Characters of a reason that reach the plugin."""


def bounded(text: str) -> str:
    """Cut a text to what an answer may hold, on one line, without control characters."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[: LONGEST_REASON * 2])
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


class SqlRefused(Exception):
    """The statement was not proved harmless, or asked for too much. The plugin's author must act.

    Attributes:
        reason: What was refused, with the value, the limit and what is allowed; at most 500 characters.
    """

    def __init__(self, reason: str) -> None:
        self.reason = bounded(reason)
        super().__init__(self.reason)


class SqlFailed(Exception):
    """The database took the statement and answered with an error. The plugin's author must act.

    Attributes:
        reason: The database's message without the rows it quotes; at most 500 characters.
        sqlstate: Five characters on PostgreSQL (``23505``), the name of the code on SQLite, or ``None``.
    """

    def __init__(self, reason: str, *, sqlstate: str | None = None) -> None:
        self.reason = bounded(reason)
        self.sqlstate = sqlstate
        super().__init__(self.reason)


class StatementCut(Exception):
    """The watchdog ended the connection under a statement that went on past its time. Base of the driver's own error.

    What the plugin asked for is to blame, as far as anybody can tell, so it counts as the plugin's failure.

    Attributes:
        blamed: The plugin that it counts for: the innermost, where one led to another.
    """

    blamed: str | None = None


class SqlUnavailable(Exception):
    """Nothing here can prove a statement harmless on this database. The operator must act."""
