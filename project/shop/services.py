"""Placing an order: one transaction around the order, its lines, the stock and what plugins do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F

from project.shop.models import Order, OrderLine, Product
from project.shop.plugin_hooks import order_check, order_placed, order_price
from wasm_plugins.results import HookResult, HookResults


class OutOfStock(Exception):
    """The shop has fewer of a product than were ordered."""

    def __init__(self, product: Product) -> None:
        super().__init__(f"only {product.stock} of {product.name} left")
        self.product = product


class NonsensePrice(Exception):
    """Plugins made the price negative."""


def place_order(email: str, note: str, quantities: Mapping[Product, int]) -> Order:
    """Save an order and let plugins act on it, all of it or nothing.

    Args:
        email: The customer's address.
        note: What the customer wants to say; plugins see it.
        quantities: How many of which product; at least one.

    Raises:
        OutOfStock: There are not enough of a product.
        NonsensePrice: Plugins made the price negative.
        wasm_plugins.exceptions.HookVetoed: A plugin refused the order; its ``detail`` says why.
        wasm_plugins.exceptions.PluginError: A plugin failed or refused; nothing was saved.
    """
    with transaction.atomic():
        items_cents, items = _items_cents(quantities), _items_json(quantities)
        checks = order_check(items_cents, items)
        prices = order_price(items_cents, items)
        if prices.value < 0:
            raise NonsensePrice(f"price {prices.value} is below zero")
        _take_from_stock(quantities)
        order = Order.objects.create(email=email, note=note, total_cents=prices.value)
        _save_lines(order, quantities)
        placed = order_placed(order.pk, note)
        order.answers = [
            *_answers("order-check", checks),
            *_answers("order-price", prices),
            *_answers("order-placed", placed),
        ]
        order.save(update_fields=["answers"])
    return order


def _items_cents(quantities: Mapping[Product, int]) -> int:
    return sum(product.price_cents * quantity for product, quantity in quantities.items())


def _items_json(quantities: Mapping[Product, int]) -> str:
    return json.dumps(
        [
            {"sku": product.sku, "name": product.name, "quantity": quantity, "price_cents": product.price_cents}
            for product, quantity in quantities.items()
        ]
    )


def _save_lines(order: Order, quantities: Mapping[Product, int]) -> None:
    OrderLine.objects.bulk_create(
        OrderLine(order=order, product=product, quantity=quantity, price_cents=product.price_cents)
        for product, quantity in quantities.items()
    )


def _take_from_stock(quantities: Mapping[Product, int]) -> None:
    for product, quantity in sorted(quantities.items(), key=lambda pair: pair[0].pk):  # Same order: no deadlock.
        enough = Product.objects.filter(pk=product.pk, stock__gte=quantity)
        if not enough.update(stock=F("stock") - quantity):
            product.refresh_from_db(fields=["stock"])
            raise OutOfStock(product)


def _text(result: HookResult) -> str:
    if result.error is not None:
        return str(result.error)
    return "no objection" if result.value is None else str(result.value)


def _answers(hook_name: str, results: HookResults) -> list[dict[str, Any]]:
    """Keep what each plugin answered in a shape that goes into the order's row."""
    return [
        {
            "hook": hook_name,
            "plugin": result.plugin,
            "version": result.version,
            "answer": _text(result),
            "failed": result.error is not None,
            "elapsed_ms": round(result.elapsed_ms, 1),
        }
        for result in results
    ]
