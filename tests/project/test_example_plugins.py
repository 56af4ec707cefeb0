"""The example plugins that are kept in the repository, in the checkout of the shop: what each does to an order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from project.plugin_builds import plugin_builds
from project.shop.models import Order, Product
from project.shop.services import place_order
from wasm_plugins.exceptions import HookVetoed
from wasm_plugins.testing import ComponentPlugin, override_plugins

pytestmark = pytest.mark.django_db

KEPT = [build.component for build in plugin_builds() if build.component.parent == build.folder]


@pytest.fixture(autouse=True)
def example_plugins() -> Iterator[None]:
    """Have all of them enabled, with what they ask for."""
    with override_plugins(*(ComponentPlugin(component.read_bytes()) for component in KEPT)):
        yield


@pytest.fixture
def honey() -> Product:
    """Something to buy."""
    return Product.objects.create(sku="a-honey", name="Honey", price_cents=790, stock=100)


@pytest.mark.parametrize(
    ("quantity", "discounted", "total"),
    [(1, "790", 790 + 490), (5, "3752", 3752 + 490), (10, "7505", 7505)],
    ids=["small", "discounted", "discounted without shipping"],
)
def test_the_discount_comes_before_shipping(quantity: int, discounted: str, total: int, honey: Product) -> None:
    order = place_order("ada@example.org", "", {honey: quantity})
    assert order.total_cents == total
    assert [(each["plugin"], each["answer"]) for each in order.answers] == [
        ("order-limits", "no objection"),
        ("volume-discount", discounted),
        ("shipping", str(total)),
    ]


def test_an_order_of_too_many_is_vetoed_with_a_reason_for_the_customer(honey: Product) -> None:
    with pytest.raises(HookVetoed) as vetoed:
        place_order("ada@example.org", "", {honey: 11})
    assert vetoed.value.plugin == "order-limits"
    assert vetoed.value.detail == "At most 10 of one product: please order less of Honey."
    assert not Order.objects.exists()


def test_an_order_of_too_much_money_is_vetoed() -> None:
    gold = Product.objects.create(sku="gold", name="Gold", price_cents=50_001, stock=2)
    with pytest.raises(HookVetoed) as vetoed:
        place_order("ada@example.org", "", {gold: 2})
    assert vetoed.value.detail == "At most €1000.00 in one order: this one is €1000.02."
