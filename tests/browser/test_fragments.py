"""Hostile fragments in a page of the host, in a real browser without any policy: nothing runs, loads or covers."""

from __future__ import annotations

from playwright.sync_api import Dialog, Page

from tests.browser_session import Browser
from tests.test_fragments import HOSTILE
from wasm_plugins.fragments import html_fragment

_PAGE = """<!DOCTYPE html><title>shop</title><style>.modal {{ position: fixed; inset: 0 }}</style>
<main><h1>Shop</h1>{}<footer id="last">the end</footer></main>"""
_SHAPE = """() => ({
    children: [...document.querySelector('main').children].map(each => each.tagName + '.' + each.className),
    covered: [...document.querySelectorAll('.plugin-fragment *')].filter(
        each => ['fixed', 'absolute', 'sticky'].includes(getComputedStyle(each).position)).length,
    bodies: document.body.children.length,
    end: document.querySelector('#last').textContent,
})"""


def _visit(browser: Browser, fragments: list[str]) -> tuple[dict[str, object], list[str], list[str]]:
    """Open a page with fragments; return its shape, the dialogs that scripts opened, and what was loaded."""
    dialogs: list[str] = []
    requests: list[str] = []

    def close(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    def steps(page: Page) -> dict[str, object]:
        page.on("dialog", close)
        page.on("request", lambda request: requests.append(request.url))
        shown = "".join(f'<div class="plugin-fragment">{fragment}</div>' for fragment in fragments)
        page.set_content(_PAGE.format(shown))
        for link in page.query_selector_all(".plugin-fragment a[href]"):
            if (link.get_attribute("href") or "").startswith("java"):
                link.click()
        page.mouse.move(100, 100)
        page.wait_for_timeout(300)
        shape: dict[str, object] = page.evaluate(_SHAPE)
        return shape

    return browser(steps, base_url="http://127.0.0.1:9"), dialogs, requests


def test_the_browser_would_run_what_is_not_cleaned(browser: Browser) -> None:
    _, dialogs, requests = _visit(browser, ["<img src='http://127.0.0.1:9/x' onerror='alert(1)'>"])
    assert dialogs == ["1"]
    assert requests == ["http://127.0.0.1:9/x"]


def test_no_hostile_fragment_runs_loads_or_leaves_its_place(browser: Browser) -> None:
    shape, dialogs, requests = _visit(browser, [str(html_fragment(each)) for each in HOSTILE])
    assert (dialogs, requests) == ([], [])
    fragments = ["DIV.plugin-fragment"] * len(HOSTILE)
    assert shape == {"children": ["H1.", *fragments, "FOOTER."], "covered": 0, "bodies": 1, "end": "the end"}
