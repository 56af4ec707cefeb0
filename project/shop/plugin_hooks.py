"""Where plugins may act in the shop: each function is a hook, its annotations are the contract."""

from __future__ import annotations

from wasm_plugins import hook


@hook(mode="filter")
def order_price(price_cents: int, items: str) -> int:
    """Called before an order is saved; each plugin's answer is the next one's ``price_cents``.

    ``items`` is JSON: ``[{"sku": "…", "quantity": 1, "price_cents": 100}]``.
    """


@hook
def order_placed(order_id: int, note: str) -> str:
    """Called inside the checkout's transaction, after the order is saved: an error cancels the order."""
