"""A real browser for tests: Chromium, without a window, driven from a thread of its own.

>>> def steps(page: Page) -> str:
...     page.goto("/admin/")
...     return page.title()
>>> browser(steps, base_url=live_server.url, client=admin_client)
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, sync_playwright

T = TypeVar("T")

NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
VARIABLE: Final = "TEST_BROWSER"
_STEP_MS: Final = 20_000


class NoBrowser(RuntimeError):
    """This machine has no Chromium."""


def browser_program() -> str:
    """Return the path of the browser that tests drive: what ``TEST_BROWSER`` names, or the first that is installed.

    Raises:
        NoBrowser: There is none.
    """
    named = os.environ.get(VARIABLE)
    for name in [named] if named else NAMES:
        if found := shutil.which(name):
            return found
    raise NoBrowser(
        f"{named or ' or '.join(NAMES)} is not installed: on Debian, `apt-get install chromium`; "
        f"or name one in the variable {VARIABLE}"
    )


class Browser:
    """A running browser; each call of it is a visitor whom it has never seen.

    It has a thread of its own: its driver runs an event loop, in whose thread Django lets nobody use a database.
    """

    def __init__(self, thread: ThreadPoolExecutor, chromium: Chromium) -> None:
        self._thread = thread
        self._chromium = chromium

    def __call__(self, steps: Callable[[Page], T], *, base_url: str, client: Any = None) -> T:
        """Take some steps on a new page and return what they return.

        Args:
            steps: Gets the page; runs in the browser's thread, so it must not use the database.
            base_url: Where the site is, for example ``live_server.url``.
            client: A Django test client whose cookies the browser has, so that its user is logged in.
        """
        with self.window(base_url=base_url, client=client) as page:
            return self.do(lambda: steps(page))

    def do(self, step: Callable[[], T]) -> T:
        """Take a step in the browser's thread, the only one in which what the browser gave may be touched."""
        return self._thread.submit(step).result()

    @contextmanager
    def window(self, *, base_url: str, client: Any = None, **options: Any) -> Iterator[Page]:
        """Open a page that stays open until the block ends; only steps given to ``do`` may touch it.

        Args:
            base_url: Where the site is, for example ``live_server.url``.
            client: A Django test client whose cookies the browser has, so that its user is logged in.
            options: For Playwright's ``new_context``.
        """
        context = self.do(lambda: self._context(base_url, client, options))
        try:
            yield self.do(context.new_page)
        finally:
            self.do(context.close)

    def _context(self, base_url: str, client: Any, options: dict[str, Any]) -> BrowserContext:
        context = self._chromium.new_context(base_url=base_url, **options)
        context.set_default_timeout(_STEP_MS)
        if client is not None:
            context.add_cookies(
                [{"name": name, "value": found.value, "url": base_url} for name, found in client.cookies.items()]
            )
        return context


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Run a browser until the block ends.

    Raises:
        NoBrowser: There is none to run.
    """
    program = browser_program()
    with ThreadPoolExecutor(1, thread_name_prefix="browser") as thread:
        driver = thread.submit(sync_playwright().start).result()
        try:
            chromium = thread.submit(driver.chromium.launch, executable_path=program).result()
            try:
                yield Browser(thread, chromium)
            finally:
                thread.submit(chromium.close).result()
        finally:
            thread.submit(driver.stop).result()
