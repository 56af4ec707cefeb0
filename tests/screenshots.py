"""``make screenshots``: take the pictures of the README and of the documentation, from the shop that the demo runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, ViewportSize

from project import demo
from project.demo_tour import DemoFailed, say, show
from project.plugin_builds import BuildFailed, plugin_builds
from project.stack.parts import Address, PartFailed, free_ports, private_folder
from project.stack.signals import stopping_on_signals
from project.visitor import Visitor
from tests.browser_session import Browser, NoBrowser, running_browser

IMAGES: Final = Path(__file__).resolve().parent.parent / "docs" / "images"
WIDTH: Final = 1280
HEIGHT: Final = 720
"""The most that a picture shows of a page, in pixels."""
_HEIGHTS: Final = {"shop": 960}
"""The same, of pages that have much room in them."""

_PLUGINS: Final = "/admin/wasm_plugins/plugin/"


def _consent(page: Page) -> None:
    """What a plugin asks for, before anybody agreed to it."""
    _open_plugin(page, "loyalty")
    page.goto(page.url.replace("/change/", "/versions/"))
    report = page.get_by_role("link", name="Report on version 1").get_attribute("href") or ""
    page.goto(report.replace("/report/", "/consent/"))


def _shop(page: Page) -> None:
    """An order with what each plugin answered."""
    page.goto("/orders/2/")


def _overview(page: Page) -> None:
    """All plugins, how each stands, and how often it was called."""
    page.goto(_PLUGINS)


def _run(page: Page) -> None:
    """A run that has finished."""
    page.goto("/admin/wasm_plugins/taskrun/")
    page.get_by_role("link", name="shipping: labels").first.click()


def _try_it(page: Page) -> None:
    """A trial of a hook, with what came of it."""
    _open_plugin(page, "loyalty")
    page.goto(page.url.replace("/change/", "/try/?call=hook:order-placed"))
    page.locator("#try_form").get_by_label("order-id").fill("1")
    page.locator("#try_form").get_by_label("note").fill("gift")
    page.locator("#try_form").get_by_role("button", name="Try it").click()
    page.locator("#try-outcome").wait_for()


BEFORE: Final[Mapping[str, Callable[[Page], None]]] = {"consent": _consent}
AFTER: Final[Mapping[str, Callable[[Page], None]]] = {
    "shop": _shop,
    "overview": _overview,
    "run": _run,
    "try-it": _try_it,
}
"""How to come to what each picture shows, before the plugins are enabled and after the demo's tour."""


def main() -> int:
    """Run the demo's shop and take every picture."""
    try:
        with stopping_on_signals(), private_folder() as folder, running_browser() as browser:
            builds = [demo._built(build) for build in plugin_builds(demo.PLUGINS)]
            with demo._running_shop(folder, Address(free_ports(1)[0])) as (shop, url, _children):
                shop.manage("plugins", "upload", *(str(build.component) for build in builds))
                _take(browser, url, BEFORE)
                show(shop, Visitor(url), builds)
                _take(browser, url, AFTER)
    except (PartFailed, DemoFailed, BuildFailed, NoBrowser) as error:
        sys.stderr.write(f"\nNo pictures: {error}\n")
        return 1
    return 0


def _take(browser: Browser, url: str, pictures: Mapping[str, Callable[[Page], None]]) -> None:
    """Go where each picture is, and take it."""
    size = ViewportSize(width=WIDTH, height=HEIGHT)
    with browser.window(base_url=url, viewport=size, color_scheme="light", reduced_motion="reduce") as page:
        browser.do(lambda: _log_in(page))
        for name, go in pictures.items():
            path = IMAGES / f"{name}.png"
            browser.do(lambda go=go, path=path: _picture(page, go, path))  # type: ignore[misc]
            say(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def _log_in(page: Page) -> None:
    page.goto("/admin/login/?next=/admin/")
    page.get_by_label("Username").fill("demo")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")


def _open_plugin(page: Page, name: str) -> None:
    page.goto(_PLUGINS)
    page.locator("#result_list").get_by_role("link", name=name, exact=True).click()


def _picture(page: Page, go: Callable[[Page], None], path: Path) -> None:
    go(page)
    page.wait_for_load_state("networkidle")
    height, most = page.evaluate("() => document.documentElement.scrollHeight"), _HEIGHTS.get(path.stem, HEIGHT)
    page.set_viewport_size(ViewportSize(width=WIDTH, height=min(height, most)))
    page.screenshot(path=path, animations="disabled")
    page.set_viewport_size(ViewportSize(width=WIDTH, height=HEIGHT))


if __name__ == "__main__":
    sys.exit(main())
