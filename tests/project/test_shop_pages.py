"""What the example shop's pages say of plugins: a link only to what is served, and who answered."""

from __future__ import annotations

import os
import re
import signal

import pytest
from django.contrib.staticfiles import finders
from django.template.defaultfilters import truncatechars
from django.test import Client
from django.utils.html import escape

from project.shop.models import Order
from project.stack.signals import stopping_on_signals
from tests.components import http_handler, ok_response, plugin_component, route
from wasm_plugins import lifecycle
from wasm_plugins.registry import registry
from wasm_plugins.sync import record_upload

MENU_ENTRY = b'href="/plugins/loyalty/page"'


@pytest.mark.django_db
def test_the_menu_links_to_the_points_page_while_it_is_served(client: Client) -> None:
    assert MENU_ENTRY not in client.get("/").content
    page = route("/loyalty/page", http_handler(ok_response(200, "points", [("content-type", "text/plain")])))
    plugin = lifecycle.enable(record_upload(plugin_component("loyalty", routes=[page])).plugin)
    registry.invalidate()
    assert MENU_ENTRY in client.get("/").content
    lifecycle.disable(plugin)
    registry.invalidate()
    assert MENU_ENTRY not in client.get("/").content


@pytest.mark.django_db
def test_an_order_without_answers_says_that_no_plugin_answered_then(client: Client) -> None:
    order = Order.objects.create(email="ada@example.org", total_cents=1)
    assert b"No plugin answered when this order was placed." in client.get(order.get_absolute_url()).content


def _shown_answer(client: Client, **answer: object) -> str:
    """Return what the page of an order shows of an answer."""
    told = {"hook": "order-price", "plugin": "shipping", "version": 1, "failed": False, "elapsed_ms": 1.0, **answer}
    order = Order.objects.create(email="ada@example.org", total_cents=1, answers=[told])
    row = client.get(order.get_absolute_url()).content.decode().partition("<code>")[2].partition("</tr>")[0]
    found = re.search(r"<td(?: class=\"wrong\")?>(.*?)</td>", row)
    assert found is not None
    return found[1]


@pytest.mark.django_db
def test_a_price_that_a_plugin_answered_is_shown_as_money(client: Client) -> None:
    assert _shown_answer(client, answer="2979") == "€29.79"
    assert _shown_answer(client, answer="-5") == "−€0.05"


@pytest.mark.django_db
def test_an_answer_that_is_no_price_stays_as_it_is_and_is_escaped(client: Client) -> None:
    assert _shown_answer(client, hook="order-placed", answer="2979") == "2979"
    assert _shown_answer(client, answer="2979", failed=True) == "2979"
    for odd in ("<b>7</b>", "²", "9" * 5_000, "1_0", ""):
        assert _shown_answer(client, answer=odd) == truncatechars(escape(odd), 300)


@pytest.mark.django_db
def test_the_shop_has_an_icon_and_browsers_that_guess_its_address_find_it(client: Client) -> None:
    assert '<link rel="icon" href="/static/shop/favicon.svg" type="image/svg+xml">' in client.get("/").content.decode()
    assert client.get("/favicon.ico")["Location"] == "/static/shop/favicon.svg"
    assert finders.find("shop/favicon.svg") is not None


def test_a_signal_is_answered_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    with stopping_on_signals():
        os.kill(os.getpid(), signal.SIGINT)
    assert capfd.readouterr().out == "stopping …\n"
