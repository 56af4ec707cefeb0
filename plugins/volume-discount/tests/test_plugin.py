"""Calls the built plugin as a host does; `wasm-plugins test` runs this."""

import pytest


@pytest.mark.parametrize(
    ("price_cents", "discounted_cents"),
    [(0, 0), (2_999, 2_999), (3_000, 2_850), (3_950, 3_752), (2**63 - 1, 8_762_203_435_012_037_016)],
)
def test_five_percent_are_taken_off_from_30_on(price_cents, discounted_cents, plugin_host):
    assert plugin_host.call_hook("order-price", price_cents, "[]").answer == discounted_cents


def test_what_is_no_price_is_refused(plugin_host):
    assert plugin_host.call_hook("order-price", -5, "[]").err == "-5 is no price"
