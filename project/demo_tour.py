"""What the demo shows: an order without plugins and with four, a refusal, an error, pages, slots and tasks."""

from __future__ import annotations

import html
import re
import time

from project.plugin_builds import PluginBuild
from project.stack.shop import Shop
from project.visitor import Answer, Visitor

_TASK_SECONDS = 60
_ORDERED = "5"
_TOO_MANY = "11"
"""Of one product; the plugin order-limits lets 10 pass."""


class DemoFailed(Exception):
    """A step did not do what the demo says it does."""


def say(step: str) -> None:
    """Print what was just done, or is about to be."""
    print(f"• {step}", flush=True)


def show(shop: Shop, visitor: Visitor, builds: list[PluginBuild]) -> None:
    """Go through what plugins can do, printing and asserting every step; blocks for half a minute.

    Raises:
        DemoFailed: A step did something else than it should.
        PartFailed: A command failed.
    """
    before = _place_order(visitor, note="first")
    _expect(_total(before) == "€39.50" and "No plugin answered" in before.text, "price without plugins", before)
    say(f"order without plugins: {_total(before)}")

    _enable(shop, builds)
    _show_hooks(visitor)
    _show_refusals(visitor)
    _show_route_and_tasks(shop, visitor)


def _show_hooks(visitor: Visitor) -> None:
    after = _place_order(visitor, note="gift")
    _expect(_answer(after, "volume-discount") == "€37.52", "the discount in C takes 5 % off", after)
    _expect(_answer(after, "shipping") == _total(after) == "€42.42", "shipping in Rust adds €4.90", after)
    say(f"the same order with plugins: {_total(after)}, less a discount by one, plus shipping by another")
    _expect(_cell(after, "points") == "42", "the loyalty plugin wrote 42 points", after)
    _expect("You earned <strong>42 points</strong>" in after.text, "and says so in a slot of the shop's page", after)
    say(f"{_cell(after, 'points')} loyalty points, and a fragment about them in a slot of the shop's page")


def _show_refusals(visitor: Visitor) -> None:
    vetoed = _checkout(visitor, note="", quantity=_TOO_MANY)
    _expect(vetoed.status == 422 and "At most 10" in _cell(vetoed, "refusal"), "a plugin refuses the order", vetoed)
    say(f"a plugin's veto of {_TOO_MANY} jars, as the customer reads it: {_cell(vetoed, 'refusal')}")

    failed = _checkout(visitor, note="please fail")
    _expect(failed.status == 422 and "not placed" in failed.text, "a plugin's error cancels the order", failed)
    missing = visitor.get("/orders/3/")
    _expect(missing.status == 404, "neither order nor points were saved", missing)
    say("an order in which a plugin failed: rolled back, order and points together")


def _show_route_and_tasks(shop: Shop, visitor: Visitor) -> None:
    page = visitor.get("/plugins/loyalty/page")
    _expect(page.status == 200 and "<h1>Loyalty points</h1>" in page.text, "the plugin's page is served", page)
    say(f"a page that a plugin serves: {page.url}")

    output = shop.manage("plugins", "run-task", "loyalty", "recount", "{}", "--wait")
    say(f"a task, run by a worker: {' '.join(output.split())}")

    visitor.log_in("demo", "demo")
    accepted = visitor.post_json("/plugins/shipping/labels", {"order_ids": [1, 2]})
    _expect(accepted.status == 202, "a route that runs as a task answers 202", accepted)
    finished = _wait_for_task(visitor, accepted)
    _expect("SHP-00000002" in finished.text, "the task made the labels", finished)
    say("a route as a background task: accepted with 202, and its labels are ready")


def _enable(shop: Shop, builds: list[PluginBuild]) -> None:
    say("uploading the plugins; each is checked and compiled in a process with bounds")
    shop.manage("plugins", "upload", *(str(build.component) for build in builds))
    shop.manage("plugins", "sync")
    for build in builds:
        shop.manage("plugins", "enable", build.name, "--grant", "requested")
        say(f"{build.name}: enabled, with the capabilities that it asked for")
    time.sleep(1.5)  # Every process notices within a second.


def _checkout(visitor: Visitor, note: str, quantity: str = _ORDERED) -> Answer:
    visitor.get("/")
    return visitor.post_form("/", email="ada@example.org", note=note, **{"quantity-honey": quantity})


def _place_order(visitor: Visitor, note: str) -> Answer:
    answer = _checkout(visitor, note)
    _expect(answer.status == 200 and "/orders/" in answer.url, "the order is placed", answer)
    return answer


def _wait_for_task(visitor: Visitor, accepted: Answer) -> Answer:
    url = accepted.headers.get("location") or accepted.json()["status_url"]
    give_up_at = time.monotonic() + _TASK_SECONDS
    while time.monotonic() < give_up_at:
        answer = visitor.get(url)
        _expect(answer.status == 200, "the task's state can be asked for", answer)
        if answer.json()["status"] in ("finished", "failed"):
            return answer
        time.sleep(0.25)
    raise DemoFailed(f"the task did not finish within {_TASK_SECONDS} s")


def _total(order_page: Answer) -> str:
    return _cell(order_page, "total")


def _answer(order_page: Answer, plugin: str) -> str:
    """Return what the page says a plugin answered to a hook that asks for a price."""
    row = re.search(rf">{plugin} <span[^>]*>[^<]*</span></th><td>(€\d+\.\d\d)<", order_page.text)
    return row[1] if row else ""


def _cell(page: Answer, element_id: str) -> str:
    found = re.search(rf'id="{element_id}"[^>]*>([^<]*)<', page.text)
    return html.unescape(found[1]).strip() if found else ""


def _expect(is_so: bool, what: str, answer: Answer) -> None:
    if not is_so:
        words = " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())
        raise DemoFailed(f"expected: {what}; but {answer.url} answered {answer.status}: {words[:1500]}")
