"""The plugins that people in these tests bring in, approve, run and watch."""

from __future__ import annotations

from tests.components import json_handler, log, ok, plugin_component, progress, route, sql, text_hook, trap

_TOML = """
version = "{version}"
title = "Loyalty points"
description = "Gives points for orders."
author = "Ida Example"
homepage = "https://plugins.example.org/loyalty"
license = "BSD-3-Clause"

[capabilities.database.tables]
{tables}
"""
_TABLES = {1: 'shop_order = ["select", "update"]', 2: 'shop_order = ["select", "update"]\nshop_product = ["select"]'}
_NOTE = "UPDATE shop_order SET note = note WHERE id = 0"
SLOW = "UPDATE shop_product SET stock = stock"
"""What a task waits in while a test holds the products."""


def loyalty(number: int = 1) -> bytes:
    """A version of a plugin with a hook, a route and a task; the second asks for one table more."""
    return plugin_component(
        "loyalty",
        hooks={"order-placed": text_hook(ok(f"{number}7 points", first=[sql(_NOTE)]))},
        routes=[route("/loyalty/points", json_handler(ok('{"points": 7}')))],
        tasks={"recount": json_handler(ok('{"recounted": 3}', first=[log("counting"), progress(50, "half of them")]))},
        toml=_TOML.format(version=f"{number}.0.0", tables=_TABLES[number]),
    )


def watched() -> bytes:
    """A plugin whose task says how far it is, then waits for the products, then finishes."""
    steps = [log("looking at parcels"), progress(40, "4 of 10 parcels"), sql(SLOW), log("all parcels are counted")]
    return plugin_component(
        "parcels",
        tasks={"count": json_handler(ok('{"parcels": 10}', first=steps))},
        toml='[capabilities.database.tables]\nshop_product = ["select", "update"]\n',
    )


def failing() -> bytes:
    """A plugin that crashes in the shop's hook, and whose task does what it should."""
    return plugin_component(
        "unlucky", hooks={"order-placed": text_hook(trap())}, tasks={"rest": json_handler(ok("{}"))}
    )


def foreign() -> bytes:
    """A component that asks for what no site has, so that it is refused."""
    return plugin_component("stranger", head='(import "evil:corp/backdoor" (func))')
