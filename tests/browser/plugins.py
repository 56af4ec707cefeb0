"""The plugins that people in these tests bring in, approve, run and watch, and what they buy."""

from __future__ import annotations

from typing import Final

from project.shop.models import Product
from tests.components import json_handler, ok, plugin_component, route, text_hook, trap
from tests.host_imports import config_get, log, progress, sql

_TOML: Final = """
version = "{number}.0.0"
title = "Loyalty points"
description = "Gives points for orders."
author = "Ida Example"
homepage = "https://plugins.example.org/loyalty"
license = "BSD-3-Clause"

[routes."/loyalty/points"]
methods = ["GET"]
access = "public"

[capabilities.database.tables]
{tables}
"""
_TABLES: Final = {
    1: 'shop_order = ["select", "update"]',
    2: 'shop_order = ["select", "update"]\nshop_product = ["select"]',
}
_SETTINGS: Final = """
[settings]
type = "object"
required = ["greeting"]

[settings.properties.greeting]
type = "string"
title = "Greeting"
description = "What customers read first."
maxLength = 40

[settings.properties.points]
type = "integer"
title = "Points for an order"
minimum = 1
maximum = 10
default = 3

[settings.properties.key]
type = "string"
title = "Key of the service"
writeOnly = true
"""
ORDERS: Final = {"database": {"tables": {"shop_order": ["select", "update"]}}}
PRODUCTS: Final = {"database": {"tables": {"shop_product": ["select", "update"]}}}


def loyalty(number: int = 1) -> bytes:
    """A version of a plugin with a hook, a route and a task; the second asks for one table more."""
    touch = sql("UPDATE shop_order SET note = note WHERE id = 0")
    return plugin_component(
        "loyalty",
        hooks={"order-placed": text_hook(ok(f"{number}7 points", first=[touch]))},
        routes=[route("/loyalty/points", json_handler(ok('{"points": 7}')))],
        tasks={"recount": json_handler(ok('{"recounted": 3}', first=[log("counting"), progress(50, "half of them")]))},
        toml=_TOML.format(number=number, tables=_TABLES[number]),
    )


def parcels() -> bytes:
    """A plugin whose task says how far it is, then tries again and again to change the products.

    Each try waits half a second for whoever holds them; none is left after twenty seconds.
    """
    tries = [sql("UPDATE shop_product SET stock = stock", may_fail=True)] * 40
    steps = [log("looking at parcels"), progress(40, "4 of 10 parcels"), *tries, log("all parcels are counted")]
    return plugin_component(
        "parcels",
        tasks={"count": json_handler(ok('{"parcels": 10}', first=steps))},
        toml='[capabilities.database.tables]\nshop_product = ["select", "update"]\n',
    )


def greetings() -> bytes:
    """A plugin with settings, one of which is a secret."""
    return plugin_component(
        "greetings",
        hooks={"order-placed": text_hook(ok("welcome", first=[config_get("greeting")]))},
        toml=_SETTINGS,
    )


def unlucky() -> bytes:
    """A plugin that crashes when an order is placed."""
    return plugin_component("unlucky", hooks={"order-placed": text_hook(trap())})


def stranger() -> bytes:
    """A component that asks for what no site has, so that it is refused."""
    return plugin_component("stranger", head='(import "evil:corp/backdoor" (func))')


def tea_cosy() -> Product:
    """Have something in the shop, also when an earlier test emptied it."""
    return Product.objects.create(name="Tea cosy", sku="tea-cosy", price_cents=790, stock=9)
