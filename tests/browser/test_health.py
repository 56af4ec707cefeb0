"""A plugin that fails too often falls asleep, and whoever may wakes it up."""

from __future__ import annotations

from pytest_django import Settings

from project.shop.models import Order
from tests.admin.pages import LIST
from tests.browser.person import Person
from tests.browser.plugins import tea_cosy, unlucky
from tests.installed import install
from wasm_plugins.models import VersionHealth


def test_a_plugin_that_fell_asleep_is_shown_first_and_woken_up(
    visitor: Person, operator: Person, settings: Settings
) -> None:
    settings.WASM_PLUGINS_BREAKER_FAILURES = 1
    plugin = install(unlucky())
    tea_cosy()
    visitor.open("/")
    visitor.fill("E-mail", "bo@example.org")
    visitor.fill("Quantity of Tea cosy", "1")
    with visitor.watch.expecting(422):
        visitor.press("Place order")
        visitor.sees("not placed")
    assert not Order.objects.exists()

    operator.open(LIST)
    operator.sees("unlucky", within=".plugin-needs")
    operator.look("overview-asleep")
    operator.follow("unlucky", within=".plugin-needs")
    operator.sees("Asleep")
    operator.look("plugin-asleep")
    operator.press("Wake up")
    operator.misses("Asleep", within="#state")
    assert not VersionHealth.objects.filter(version__plugin=plugin, open_until__isnull=False).exists()
