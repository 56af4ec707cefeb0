"""A plugin that locks rows and then takes its time: the lock is gone when its time is over."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection, connections

from project.shop.models import Product
from tests.components import ok, plugin_component, spin, sql, text_hook
from tests.installed import install, tables
from wasm_plugins import get_plugin_manager
from wasm_plugins.exceptions import DeadlineExceeded

pytestmark = [pytest.mark.django_db(databases=["default", "sqlite"], transaction=True), pytest.mark.canary_after]

GRANTS = tables(shop_product=["select", "update"])


def test_hp_31_select_for_update_is_refused() -> None:
    lock = sql("SELECT id FROM shop_product FOR UPDATE", may_fail=True)
    go_on = sql("UPDATE shop_product SET stock = 2 WHERE sku = 'a'")
    install(plugin_component("locker", hooks={"write": text_hook(ok("done", first=[lock, go_on]))}), grants=GRANTS)
    Product.objects.create(sku="a", name="a", price_cents=1, stock=1)
    assert get_plugin_manager().call_hook_dynamic("write", 1, "").values == ["done"]


def test_hp_31_a_row_that_is_locked_by_an_update_is_free_when_the_plugins_time_is_over() -> None:
    update = sql("UPDATE shop_product SET stock = 99 WHERE sku = 'a'")
    install(plugin_component("locker", hooks={"write": text_hook(spin(first=[update]))}), grants=GRANTS)
    Product.objects.create(sku="a", name="a", price_cents=1, stock=1)
    get_plugin_manager().reload()
    took_s: list[float] = []

    def want_the_row() -> None:
        time.sleep(0.2)  # by now the plugin has the lock, and spins
        began = time.monotonic()
        Product.objects.filter(sku="a").update(name="the host's")
        took_s.append(time.monotonic() - began)
        connections.close_all()

    other = threading.Thread(target=want_the_row)
    other.start()
    try:
        with pytest.raises(DeadlineExceeded):
            get_plugin_manager().call_hook_dynamic("write", 1, "", deadline_ms=700)
    finally:
        other.join()
    assert took_s[0] < 5
    connection.close()
    assert Product.objects.values_list("name", "stock").get() == ("the host's", 1)
