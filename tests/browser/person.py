"""Somebody who uses the site with a browser: what he does, step by step, and what he sees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.browser.accessibility import look_at
from tests.browser.watch import Watch
from tests.browser_session import Browser

T = TypeVar("T")

_TABS: Final = 150
_FOCUSED: Final = """() => {
    const it = document.activeElement
    if (!it || it === document.body) return ['', true]
    const label = it.labels && it.labels.length ? it.labels[0].textContent : ''
    const called = it.getAttribute('aria-label') || label || it.value || it.textContent || it.name || ''
    const style = getComputedStyle(it)
    const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0
    return [called.trim(), ring || style.boxShadow !== 'none' || it.matches(':focus-visible')]
}"""

_BUTTONS: Final = """found => found.flatMap(each => [...each.querySelectorAll('button, input[type=submit]')])
    .filter(each => !each.closest('#changelist-form, #changelist-search'))
    .map(each => each.value || each.textContent)"""


class Person:
    """Acts in a window of his own; each step waits until the page is ready for it.

    Every step is taken in the browser's thread, so that the test's own thread can use the database in between.
    """

    def __init__(self, browser: Browser, page: Page) -> None:
        self._browser = browser
        self.page = page
        """Only steps given to ``do`` may touch it."""
        self.watch = browser.do(lambda: Watch(page))
        browser.do(lambda: page.on("filechooser", lambda chooser: None))  # or the first dialog is the system's own

    def do(self, step: Callable[[Page], T]) -> T:
        """Take a step of the test's own."""
        return self._browser.do(lambda: step(self.page))

    def open(self, path: str, *, status: int = 200) -> None:
        """Open a page of the site."""
        with self.watch.expecting(*([status] if status >= 400 else [])):
            answer = self.do(lambda page: page.goto(path))
        assert answer is not None
        assert answer.status == status, (path, answer.status)

    @property
    def path(self) -> str:
        """Where he is, without the site's address."""
        return re.sub(r"^https?://[^/]+", "", self.do(lambda page: page.url))

    def look(self, name: str) -> None:
        """Look around on a page: nothing about it is wrong, for nobody; its pictures get a name."""
        problems = self.look_for_problems(name)
        assert not problems, "\n".join(problems)
        self.is_content()

    def look_for_problems(self, name: str) -> list[str]:
        """Look around on a page, and return what is wrong with it."""
        return self.do(lambda page: look_at(page, name))

    def is_content(self) -> None:
        """Make sure that no script, no policy and no request has failed so far."""
        assert not self.watch.problems, "\n".join(self.watch.problems)

    # Hands

    def press(self, name: str, *, within: str = "body") -> None:
        """Press a button by its name."""
        self.do(lambda page: page.locator(within).get_by_role("button", name=name, exact=True).click())

    def follow(self, name: str, *, within: str = "body") -> None:
        """Follow a link by its name."""

        def step(page: Page) -> None:
            with page.expect_navigation():
                page.locator(within).get_by_role("link", name=name, exact=True).first.click()

        self.do(step)

    def fill(self, label: str, text: str) -> None:
        """Type into a field."""
        self.do(lambda page: page.get_by_label(label).fill(text))

    def choose(self, label: str, option: str) -> None:
        """Choose an option by what it is called."""
        self.do(lambda page: page.get_by_label(label).select_option(label=option))

    def check(self, label: str) -> None:
        """Tick a box."""
        self.do(lambda page: page.get_by_label(label).check())

    def give_file(self, label: str, name: str, content: bytes) -> None:
        """Choose a file."""
        file = FilePayload(name=name, mimeType="application/wasm", buffer=content)
        self.do(lambda page: page.get_by_label(label).set_input_files(file))

    def tab_to(self, name: str) -> None:
        """Press Tab until something has the focus that is called so; whatever has it on the way shows that."""
        met = []
        for _ in range(_TABS):
            self.do(lambda page: page.keyboard.press("Tab"))
            called, is_visible = self.do(lambda page: page.evaluate(_FOCUSED))
            assert is_visible, called
            if called == name:
                return
            met.append(called)
        raise AssertionError(f"Tab leads to no {name!r}, only to {met}")

    def key(self, name: str) -> None:
        """Press a key."""
        self.do(lambda page: page.keyboard.press(name))

    def choose_with_key(self, name: str, file_name: str, content: bytes) -> None:
        """Open the dialog of the field that has the focus with a key, and choose a file in it."""
        file = FilePayload(name=file_name, mimeType="application/wasm", buffer=content)

        def step(page: Page) -> None:
            with page.expect_file_chooser() as chooser:
                page.keyboard.press(name)
            chooser.value.set_files(file)

        self.do(step)

    # Eyes

    def sees(self, text: str | re.Pattern[str], *, within: str = "#content, main", timeout_ms: int = 20_000) -> None:
        """Wait until a text is there."""

        def step(page: Page) -> None:
            try:
                expect(page.locator(within).first).to_contain_text(text, timeout=timeout_ms)
            except AssertionError:
                shown = " ".join(page.locator("body").inner_text().split())
                raise AssertionError(f"{page.url} does not show {text!r}, but: {shown[:1500]}") from None

        self.do(step)

    def misses(self, text: str, *, within: str = "#content, main") -> None:
        """Make sure that a text is not there."""
        self.do(lambda page: expect(page.locator(within).first).not_to_contain_text(text))

    def has(self, role: Any, name: str) -> bool:
        """Tell whether a page offers something by that name."""
        return self.do(lambda page: page.get_by_role(role, name=name, exact=True).count() > 0)

    def text_of(self, selector: str) -> str:
        """Return what an element shows."""
        return self.do(lambda page: page.locator(selector).first.inner_text())

    def value_of(self, label: str) -> str:
        """Return what is in a field."""
        return self.do(lambda page: page.get_by_label(label).input_value())

    def buttons(self) -> list[str]:
        """Name the buttons of a page's own part, from top to bottom."""
        found: list[str] = self.do(lambda page: page.locator("#content").evaluate_all(_BUTTONS))
        return found

    def status_of(self, path: str) -> int:
        """Ask for a page as this person, without opening it."""
        return self.do(lambda page: page.request.get(path).status)

    def count(self, selector: str) -> int:
        """Count elements."""
        return self.do(lambda page: page.locator(selector).count())


@contextmanager
def person(browser: Browser, base_url: str, client: Any = None) -> Iterator[Person]:
    """Let somebody use the site until the block ends, and make sure that nothing went wrong behind his back."""
    with browser.window(base_url=base_url, client=client, reduced_motion="reduce") as page:
        somebody = Person(browser, page)
        yield somebody
        somebody.is_content()


__all__ = ["Locator", "Person", "person"]
