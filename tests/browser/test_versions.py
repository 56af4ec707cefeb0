"""Another version: what is new of it is shown and agreed to, and going back takes one click."""

from __future__ import annotations

from tests.admin.pages import UPLOAD, page_of
from tests.browser.person import Person
from tests.browser.plugins import ORDERS, loyalty
from tests.installed import install
from wasm_plugins.models import Plugin
from wasm_plugins.sync import record_upload


def _number(plugin: Plugin) -> int:
    """Return the number of the version that serves."""
    version = Plugin.objects.select_related("current_version").get(pk=plugin.pk).current_version
    assert version is not None
    return version.number


def test_an_upgrade_waits_until_an_admin_agrees_to_what_is_new_of_it(approver: Person) -> None:
    plugin = install(loyalty(), grants=ORDERS)
    approver.open(UPLOAD)
    approver.give_file("Component", "loyalty.wasm", loyalty(2))
    approver.press("Upload and check")
    approver.sees("It can run here")
    assert _number(plugin) == 1

    approver.follow("Go on to consent")
    approver.sees("Version 1 is the current one")
    approver.sees("shop_product: read rows new")
    approver.sees("shop_order: read rows granted already")
    approver.look("consent-upgrade")
    approver.check("I agree to database")
    approver.press("Save my answer and go on")
    approver.sees("agreed to by ada")
    approver.look("enable-upgrade")
    assert _number(plugin) == 1

    approver.press("Enable version 2")
    approver.sees("version 2 is running", within="body")
    assert _number(plugin) == 2
    assert plugin.grants.get().scope["tables"].keys() == {"shop_order", "shop_product"}


def test_a_version_that_waits_can_be_decided_about_on_a_phone_too(approver: Person) -> None:
    plugin = install(loyalty(), grants=ORDERS)
    record_upload(loyalty(2))
    approver.open(page_of(plugin))
    approver.sees("Version 2 waits for approval")
    approver.look("waiting-version")  # its buttons have long names


def test_an_admin_sees_what_is_different_and_rolls_back(approver: Person) -> None:
    plugin = install(loyalty(), grants=ORDERS)
    record_upload(loyalty(2))
    Plugin.objects.update(current_version=plugin.versions.get(number=2))
    approver.open(page_of(plugin).replace("change/", "versions/"))
    approver.follow("Compare version 1 with the current one")
    approver.sees("shop_product")

    approver.open(page_of(plugin).replace("change/", "versions/"))
    approver.follow("Roll back to version 1")
    approver.sees("becomes the current one")
    approver.press("Roll back to version 1")
    approver.sees("rolled back to version 1", within="body")
    assert _number(plugin) == 1
