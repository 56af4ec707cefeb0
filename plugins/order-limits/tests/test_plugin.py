"""Calls the built plugin as a host does; `wasm-plugins test` runs this."""

import json

import pytest


def check(plugin_host, quantity, price_cents=790):
    items = [{"sku": "honey", "name": "Forest honey", "quantity": quantity, "price_cents": price_cents}]
    return plugin_host.call_hook("order-check", quantity * price_cents, json.dumps(items))


def test_an_order_within_the_limits_passes(plugin_host):
    assert check(plugin_host, 10).error is None


def test_too_many_of_one_product_are_refused_by_name(plugin_host):
    call = check(plugin_host, 11)
    assert call.err == "At most 10 of one product: please order less of Forest honey."
    assert call.log[0].level == "info"


def test_too_much_money_is_refused(plugin_host):
    assert check(plugin_host, 1, price_cents=100_001).err == "At most €1000.00 in one order: this one is €1000.01."


@pytest.mark.parametrize(("quantity", "passes"), [(3, True), (4, False)])
def test_an_admin_may_set_other_limits(quantity, passes, plugin_host):
    plugin_host.config["max_per_product"] = "3"
    assert (check(plugin_host, quantity).error is None) is passes
