"""Where plugins may act in the shop: each function is a hook, its annotations are the contract."""

from __future__ import annotations

from wasm_plugins import hook


@hook(mode="veto")
def order_check(price_cents: int, items: str) -> None:
    """Called before an order is saved: an ``err`` refuses the order, and the customer reads its text.

    ``price_cents`` is what the goods cost together, before anybody changed it. ``items`` is JSON:
    ``[{"sku": "…", "name": "…", "quantity": 1, "price_cents": 100}]``.
    """


@hook(mode="filter")
def order_price(price_cents: int, items: str) -> int:
    """Called after ``order_check``; each plugin's answer is the next one's ``price_cents``. ``items`` is as there."""


@hook
def order_placed(order_id: int, note: str) -> str:
    """Called inside the checkout's transaction, after the order is saved: an error cancels the order."""


@hook(deadline_ms=500)
def order_extras(order_id: int) -> str | None:
    """A slot of the page that thanks for an order: a fragment, or nothing."""
