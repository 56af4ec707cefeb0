"""Calls the built plugin as a host does; `wasm-plugins test` runs this."""

from pathlib import Path

import pytest

SHOP = Path(__file__).with_name("shop.sql")
POINTS = "SELECT order_id, points FROM shop_loyaltypoints ORDER BY order_id"


@pytest.fixture(autouse=True)
def shop(plugin_host):
    plugin_host.use_database(SHOP)


def test_an_order_earns_a_point_for_every_whole_euro(plugin_host):
    call = plugin_host.call_hook("order-placed", 1, "gift")
    assert call.answer == "42 points"
    assert plugin_host.execute(POINTS) == [{"order_id": 1, "points": 42}]


def test_an_order_that_is_not_there_is_refused(plugin_host):
    assert plugin_host.call_hook("order-placed", 3, "").err == "there is no order 3"


@pytest.mark.parametrize("note", ["please fail", "please crash"])
def test_a_call_that_fails_leaves_no_points(note, plugin_host):
    assert plugin_host.call_hook("order-placed", 1, note).error is not None
    assert plugin_host.execute(POINTS) == []


def test_the_slot_tells_of_points_where_there_are_any(plugin_host):
    assert plugin_host.call_hook("order-extras", 1).answer is None
    plugin_host.call_hook("order-placed", 1, "")
    assert "<strong>42 points</strong>" in plugin_host.call_hook("order-extras", 1).answer


def test_the_page_escapes_who_looks_at_it(plugin_host):
    plugin_host.log_in("<ada>")
    page = plugin_host.call_route("GET", "/loyalty/page")
    assert page.headers["content-type"].startswith("text/html")
    assert "Hello, &lt;ada&gt;." in page.body


def test_points_are_counted_for_whoever_asks(plugin_host):
    plugin_host.call_hook("order-placed", 1, "")
    points = plugin_host.call_route("GET", "/loyalty/points", user="ada").answer
    assert points == {"orders": 1, "points": 42, "for": "ada"}


def test_recounting_gives_every_order_its_points(plugin_host):
    run = plugin_host.run_task("recount")
    assert run.answer == {"orders": 2, "points": 42}
    assert run.progress[-1] == (100, "2 of 2 orders")
    assert plugin_host.execute(POINTS) == [{"order_id": 1, "points": 42}, {"order_id": 2, "points": 0}]
