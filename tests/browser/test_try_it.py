"""Trying a plugin: what it answers, writes and spends is shown, and nothing of it stays."""

from __future__ import annotations

import pytest

from project.shop.models import Product
from tests.admin.pages import page_of
from tests.browser.person import Person
from tests.browser.plugins import loyalty, tea_cosy
from tests.components import json_handler, ok, plugin_component, sql
from tests.installed import install
from wasm_plugins.models import TaskRun
from wasm_plugins.sync import record_upload


@pytest.fixture
def sale() -> bytes:
    """A plugin whose task sells all there is."""
    return plugin_component(
        "sale",
        tasks={"sell": json_handler(ok('{"sold": 9}', first=[sql("UPDATE shop_product SET stock = 0")]))},
        toml='[capabilities.database.tables]\nshop_product = ["select", "update"]\n',
    )


def test_a_task_is_tried_and_what_it_wrote_is_undone(approver: Person, sale: bytes) -> None:
    tea_cosy()
    plugin = record_upload(sale).plugin  # which is off, and has no grants
    approver.open(page_of(plugin))
    approver.follow("Try it")
    approver.choose("What to call", "sell")
    approver.press("Choose")
    approver.check("do all that version 1 asks for")
    approver.press("Try it")
    approver.sees('"sold": 9')
    approver.sees("UPDATE shop_product SET stock = 0")
    approver.look("try-it-answer")
    assert Product.objects.get(sku="tea-cosy").stock == 9
    assert not TaskRun.objects.exists()


def test_a_hook_is_tried_with_arguments_of_ones_own(operator: Person) -> None:
    plugin = install(loyalty(), grants={"database": {"tables": {"shop_order": ["select", "update"]}}})
    operator.open(page_of(plugin).replace("change/", "try/"))
    operator.choose("What to call", "order-placed")
    operator.press("Choose")
    operator.fill("order-id", "many")
    operator.fill("note", "a gift")
    operator.press("Try it")
    operator.sees("Nothing was called")
    operator.look("try-it-refused")
    operator.fill("order-id", "7")
    operator.press("Try it")
    operator.sees("17 points")
