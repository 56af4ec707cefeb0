"""Notes all that goes wrong in a page without anybody seeing it: errors of scripts, of the policy, of requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import ConsoleMessage, Page, Request, Response

_LEFT: Final = "net::ERR_ABORTED"
"""What a browser calls a request that was under way when its page was left."""


class Watch:
    """Listens to a page from before it opens anything.

    Attributes:
        problems: What went wrong, one text each.
    """

    def __init__(self, page: Page) -> None:
        self.problems: list[str] = []
        self._expected: set[int] = set()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.problems.append(f"error in a script: {error}"))
        page.on("requestfailed", self._on_failed)
        page.on("response", self._on_response)

    @contextmanager
    def expecting(self, *statuses: int) -> Iterator[None]:
        """Take some statuses for no problem until the block ends."""
        self._expected.update(statuses)
        try:
            yield
        finally:
            self._expected.difference_update(statuses)

    def _on_console(self, message: ConsoleMessage) -> None:
        # The browser writes a line for each bad status too; statuses are noted from the answers themselves.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.problems.append(f"{message.location.get('url', '')}: {message.text}")

    def _on_failed(self, request: Request) -> None:
        if request.failure != _LEFT:
            self.problems.append(f"{request.method} {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._expected:
            self.problems.append(f"{response.request.method} {response.url}: status {response.status}")
