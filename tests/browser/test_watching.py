"""The watch over pages itself: it would notice what must not be, so where it is silent there was nothing."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page

from tests.browser.accessibility import look_at
from tests.browser.person import Person

PAGE: Final = "/admin/login/"
_STOPPED: Final = {
    "<p style='color: red'>inline style</p>": "style",
    "<a class='act' onclick='1'>inline script</a>": "script",
    "<img src='http://127.0.0.1:9/elsewhere.png' alt=''>": "elsewhere.png",
    "<link rel='stylesheet' href='/static/no-such-file.css'>": "status 404",
}
_UNUSABLE: Final = {"<input>": "label", "<p class='wide'>wide</p>": "wider", "<img src='/static/x.svg'>": "image-alt"}
_ADD: Final = """html => {
    document.body.insertAdjacentHTML('beforeend', html)
    document.querySelectorAll('.act').forEach(each => each.click())
    document.querySelectorAll('.wide').forEach(each => { each.style.width = '2000px' })
}"""


def _found(visitor: Person) -> list[str]:
    """Return what has gone wrong behind somebody's back, and forget it."""
    visitor.do(lambda page: page.wait_for_load_state("networkidle"))
    found, visitor.watch.problems = visitor.watch.problems, []
    return found


def test_every_page_of_ours_is_served_under_the_policy(visitor: Person) -> None:
    def policy(page: Page) -> str:
        answer = page.goto(PAGE)
        assert answer is not None
        return answer.headers["content-security-policy"]

    assert visitor.do(policy).startswith("default-src 'self';")


def test_what_the_policy_stops_and_what_is_not_there_is_noticed(visitor: Person) -> None:
    visitor.open(PAGE)
    visitor.do(lambda page: page.evaluate(_ADD, "".join(_STOPPED)))
    found = _found(visitor)
    assert [any(word in problem for problem in found) for word in _STOPPED.values()] == [True] * len(_STOPPED), found


def test_an_error_of_a_script_is_noticed(visitor: Person) -> None:
    visitor.open(PAGE)
    visitor.do(lambda page: page.evaluate("() => { setTimeout(() => { throw new Error('broken') }) }"))
    visitor.do(lambda page: page.evaluate("() => new Promise(done => setTimeout(done))"))
    assert ["broken" in problem for problem in _found(visitor)] == [True]


def test_a_status_that_nobody_expects_is_noticed(visitor: Person) -> None:
    visitor.open("/orders/999/", status=404)
    assert _found(visitor) == []
    visitor.do(lambda page: page.goto("/orders/999/"))
    assert len(_found(visitor)) == 1


def test_what_not_everybody_can_use_is_noticed(visitor: Person) -> None:
    visitor.open(PAGE)
    visitor.do(lambda page: page.evaluate(_ADD, "".join(_UNUSABLE)))
    found = visitor.do(lambda page: look_at(page, "not-for-everybody"))
    assert [any(word in problem for problem in found) for word in _UNUSABLE.values()] == [True, True, True], found
    assert _found(visitor)
