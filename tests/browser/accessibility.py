"""Looks at a page as different people see it, in light, in dark and on a phone: axe-core's verdict, and a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, ViewportSize

from tests.pages import ROOT

PICTURES: Final = ROOT / "var" / "screenshots"
"""Build output: one picture for each page and view, under the same name in every run."""

_SERIOUS: Final = ("serious", "critical")
_COLOURS: Final = ("color-contrast", "link-in-text-block")
"""What can differ between light and dark."""
_ROOM: Final = ("scrollable-region-focusable", "link-in-text-block")
"""What can differ between a wide window and a narrow one; the rest is a matter of elements, or of colours."""

_NOT_OURS: Final = ("#searchbar", "#nav-sidebar", "#header")
"""Parts that are Django's alone, as selectors; of the search field, the label is a picture."""

_RUN: Final = "([context, options]) => axe.run(context, options)"
_WIDTH: Final = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
_CUT: Final = """() => [...document.querySelectorAll('#content :is(button, input[type=submit], .button)')]
    .filter(each => !each.closest('.results, .plugin-scroll, .plugin-table') && each.checkVisibility())
    .filter(each => each.getBoundingClientRect().right > document.documentElement.clientWidth)
    .map(each => each.value || each.textContent.trim())"""
"""Buttons that end outside the window, where nothing scrolls: what they do could not be read."""


@dataclass(frozen=True)
class View:
    """One way to see a page.

    Attributes:
        name: Ends the name of the picture.
        size: Of the window, in pixels.
        scheme: Which colours the visitor's system prefers.
        rules: Which of axe's rules to look at; all, if there is none.
    """

    name: str
    size: ViewportSize
    scheme: Literal["light", "dark"]
    rules: tuple[str, ...] = ()


_DESK: Final = ViewportSize(width=1280, height=900)
VIEWS: Final = (
    View("phone", ViewportSize(width=390, height=844), "dark", (*_ROOM, *_COLOURS)),
    View("dark", _DESK, "dark", _COLOURS),
    View("light", _DESK, "light"),  # the last, so that a test goes on in it
)


def look_at(page: Page, name: str) -> list[str]:
    """Take a page's picture in every view, and return what is wrong with it.

    Args:
        page: An open page.
        name: What its pictures are called, in ``var/screenshots``.
    """
    PICTURES.mkdir(parents=True, exist_ok=True)
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return [f"{name}, {view.name}: {problem}" for view in VIEWS for problem in _problems(page, view, PICTURES / name)]


def _problems(page: Page, view: View, picture: Path) -> list[str]:
    page.set_viewport_size(view.size)
    page.emulate_media(color_scheme=view.scheme)
    page.screenshot(path=f"{picture}-{view.name}.png", full_page=True, animations="disabled")
    beyond_px = page.evaluate(_WIDTH)
    found = [f"is {beyond_px} px wider than its window"] if beyond_px > 0 else []
    found += [f"cuts off the button {label!r}" for label in page.evaluate(_CUT)]
    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
    if view.rules:
        options["runOnly"] = {"type": "rule", "values": list(view.rules)}
    context = {"include": [["html"]], "exclude": [[selector] for selector in _NOT_OURS]}
    answer = page.evaluate(_RUN, [context, options])
    return [*found, *(_said(each) for each in answer["violations"] if each["impact"] in _SERIOUS)]


def _said(violation: dict[str, Any]) -> str:
    places = [f"{' '.join(map(str, node['target']))} ({node['html'][:120]})" for node in violation["nodes"][:5]]
    return f"{violation['id']}, {violation['impact']}: {violation['help']}: {'; '.join(places)}"
