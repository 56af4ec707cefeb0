"""What the example shop's pages say of plugins: a link only to what is served, and who answered."""

from __future__ import annotations

import os
import signal

import pytest
from django.test import Client

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


def test_a_signal_is_answered_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    with stopping_on_signals():
        os.kill(os.getpid(), signal.SIGINT)
    assert capfd.readouterr().out == "stopping …\n"
