"""A plugin's settings as a form that its own schema makes; what is secret goes in and never comes out."""

from __future__ import annotations

from typing import Final

from tests.admin.pages import page_of
from tests.browser.person import Person
from tests.browser.plugins import greetings
from tests.installed import install
from wasm_plugins.models import Plugin

SECRET: Final = "correct-horse-battery"


def test_an_admin_fills_in_the_form_of_a_plugins_schema(approver: Person) -> None:
    plugin = install(greetings(), grants={"config": {}})
    approver.open(page_of(plugin))
    approver.sees("greeting")
    approver.follow("Change settings")

    approver.fill("Greeting", "Good morning")
    approver.fill("Points for an order", "99")
    approver.press("Save settings")
    approver.sees("Nothing was changed")
    approver.look("settings-refused")
    assert approver.value_of("Greeting") == "Good morning"

    approver.fill("Points for an order", "5")
    approver.fill("Key of the service", SECRET)
    approver.press("Save settings")
    approver.sees("The settings hold for every call", within="body")
    assert approver.value_of("Points for an order") == "5"
    assert SECRET not in approver.do(lambda page: page.content())
    plugin = Plugin.objects.get()
    assert plugin.settings == {"greeting": "Good morning", "points": 5}
    assert [secret.name for secret in plugin.secrets.all()] == ["key"]
