"""Tests of the shop without plugins: what is bought is saved, what is refused leaves nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from project.shop import services
from project.shop.models import Order, Product
from project.shop.plugin_hooks import order_check, order_extras, order_price
from project.shop.templatetags.money import money
from wasm_plugins.exceptions import PluginFailed, PluginTrapped
from wasm_plugins.testing import Err, FakePlugin, override_plugins

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def products(db: None) -> None:
    """Have the first products on sale, also where an earlier test emptied all tables."""
    with connection.schema_editor() as editor:
        import_module("project.shop.migrations.0002_products").add_products(apps, editor)


def _order(client: Client, **quantities: int) -> Any:
    fields = {f"quantity-{sku.replace('_', '-')}": str(quantity) for sku, quantity in quantities.items()}
    return client.post("/", {"email": "ada@example.org", "note": "<i>gift</i>", **fields})


def test_the_front_page_lists_the_products(client: Client) -> None:
    page = client.get("/")
    assert page.status_code == HTTPStatus.OK
    assert page.content.count(b'<th scope="row">') == Product.objects.count() == 6


def test_an_order_is_saved_with_lines_and_taken_from_stock(client: Client) -> None:
    stock = Product.objects.get(sku="honey").stock
    answer = _order(client, honey=2, teapot=1)
    order = Order.objects.get()
    assert answer.headers["Location"] == f"/orders/{order.pk}/"
    assert order.total_cents == 2 * 790 + 3450
    assert [line.quantity for line in order.lines.order_by("product__sku")] == [2, 1]
    assert Product.objects.get(sku="honey").stock == stock - 2
    assert order.answers == []


def test_an_order_page_escapes_what_the_customer_wrote(client: Client) -> None:
    page = client.get(_order(client, honey=1).headers["Location"])
    assert b"<i>gift" not in page.content
    assert b"&lt;i&gt;gift" in page.content


def test_an_order_of_nothing_is_refused(client: Client) -> None:
    assert _order(client).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert not Order.objects.exists()


def test_more_than_there_is_is_refused_when_stock_ran_out_meanwhile() -> None:
    towel = Product.objects.get(sku="linen-towel")
    with pytest.raises(services.OutOfStock):
        services.place_order("ada@example.org", "", {towel: towel.stock + 1})
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    "error",
    [
        lambda: PluginFailed("<b>no</b>", export="order-placed", plugin="loyalty"),
        lambda: PluginTrapped("crashed", export="order-placed", plugin="loyalty"),
    ],
    ids=["err", "trap"],
)
def test_a_plugin_that_fails_cancels_the_whole_order(
    error: Callable[[], Exception], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(order_id: int, note: str) -> None:
        raise error()

    monkeypatch.setattr(services, "order_placed", failing)
    stock = Product.objects.get(sku="honey").stock
    page = _order(client, honey=1)
    assert page.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert b"<b>no" not in page.content
    assert not Order.objects.exists()
    assert Product.objects.get(sku="honey").stock == stock


def test_a_plugin_that_refuses_an_order_is_quoted_and_named_and_nothing_is_saved(client: Client) -> None:
    why = "<b>no</b> more\u202ethan\n3 " + "of it " * 100
    limits = FakePlugin("limits", hooks={order_check: lambda price_cents, items: Err(why)})
    prices = FakePlugin("prices", hooks={order_price: lambda price_cents, items: price_cents})
    stock = Product.objects.get(sku="honey").stock
    with override_plugins(limits, prices):
        page = _order(client, honey=4)
    assert page.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    shown = page.content.decode()
    assert "<b>limits</b> gives the reason:" in shown
    assert '<blockquote id="refusal">&lt;b&gt;no&lt;/b&gt; more than 3 of it' in shown
    assert len(shown.partition('"refusal">')[2].partition("<")[0]) < 250
    assert 'value="4"' in shown
    assert prices.calls == []
    assert not Order.objects.exists()
    assert Product.objects.get(sku="honey").stock == stock


def test_a_plugin_that_checks_an_order_sees_what_is_in_it(client: Client) -> None:
    checking = FakePlugin("checking", hooks={order_check: lambda price_cents, items: None})
    with override_plugins(checking):
        page = client.get(_order(client, honey=2).headers["Location"])
    price_cents, items = checking.calls[0].args
    assert price_cents == 1580
    assert json.loads(items) == [{"sku": "honey", "name": "Forest honey", "quantity": 2, "price_cents": 790}]
    assert b"<td>no objection</td>" in page.content


def test_an_order_page_has_a_slot_for_plugins(client: Client) -> None:
    order = Order.objects.create(email="ada@example.org", total_cents=1)
    thanking = FakePlugin("thanking", hooks={order_extras: lambda order_id: f"<em>thanks</em> for {order_id}"})
    with override_plugins(thanking):
        page = client.get(order.get_absolute_url())
    fragment = f'<div class="plugin-fragment" data-plugin="thanking">&lt;em&gt;thanks&lt;/em&gt; for {order.pk}</div>'
    assert fragment in page.content.decode()


def test_an_order_that_is_not_there_is_404(client: Client) -> None:
    assert client.get("/orders/1/").status_code == HTTPStatus.NOT_FOUND


def test_the_shop_is_in_the_admin(admin_client: Client) -> None:
    _order(admin_client, honey=1)
    for page in ("product/", "order/", f"order/{Order.objects.get().pk}/change/", "loyaltypoints/"):
        assert admin_client.get(f"/admin/shop/{page}").status_code == HTTPStatus.OK


def test_the_demo_login_is_only_for_demos(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.delenv("SHOP_DEMO", raising=False)
    with pytest.raises(CommandError):
        call_command("shop_setup")
    monkeypatch.setenv("SHOP_DEMO", "1")
    call_command("shop_setup", verbosity=0)
    assert client.login(username="demo", password="demo")


@pytest.mark.parametrize(("cents", "text"), [(0, "€0.00"), (123456, "€1,234.56"), (-490, "−€4.90")])
def test_money_is_written_for_people(cents: int, text: str) -> None:
    assert money(cents) == text
