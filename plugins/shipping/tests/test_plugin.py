"""Calls the built plugin as a host does; `wasm-plugins test` runs this."""

import pytest


@pytest.mark.parametrize(("price_cents", "total_cents"), [(4_999, 5_489), (5_000, 5_000), (0, 490)])
def test_shipping_is_added_below_50(price_cents, total_cents, plugin_host):
    assert plugin_host.call_hook("order-price", price_cents, "[]").answer == total_cents


def test_a_quote_says_from_which_price_on_shipping_is_free(plugin_host):
    quote = plugin_host.call_route("POST", "/shipping/quote", body={"price_cents": 4_200}).answer
    assert quote == {"price_cents": 4_200, "shipping_cents": 490, "total_cents": 4_690, "free_from_cents": 5_000}


def test_a_quote_for_no_price_is_refused(plugin_host):
    assert "whole number" in plugin_host.call_route("POST", "/shipping/quote", body={}).err


def test_labels_are_made_with_progress(plugin_host):
    run = plugin_host.call_route("POST", "/shipping/labels", body={"order_ids": [17, 18]})
    assert [each["label"] for each in run.answer["labels"]] == ["SHP-00000017-7", "SHP-00000018-8"]
    assert run.progress == [(50, "1 of 2 labels"), (100, "2 of 2 labels")]
