"""From a file to a plugin that answers: four pages, each clean for everybody, with a mouse or without."""

from __future__ import annotations

from tests.admin.pages import LIST, UPLOAD
from tests.browser.person import Person
from tests.browser.plugins import loyalty, stranger, tea_cosy
from wasm_plugins.models import Plugin, PluginVersion


def test_an_admin_goes_from_a_file_to_a_plugin_that_answers_in_four_steps(approver: Person, visitor: Person) -> None:
    approver.open(LIST)
    approver.follow("Upload a plugin")
    approver.give_file("Component", "loyalty.wasm", loyalty())
    approver.press("Upload and check")

    approver.sees("It can run here")
    approver.sees("Ida Example")
    approver.follow("Go on to consent")

    approver.sees("shop_order")
    approver.check("I agree to database")
    approver.press("Save my answer and go on")

    approver.sees("agreed to by ada")
    assert not Plugin.objects.get().is_enabled
    approver.press("Enable version 1")
    approver.sees("version 1 is running", within="body")
    plugin = Plugin.objects.get()
    assert (plugin.is_enabled, [grant.capability for grant in plugin.grants.all()]) == (True, ["database"])

    tea_cosy()
    visitor.open("/")
    visitor.fill("E-mail", "bo@example.org")
    visitor.fill("Quantity of Tea cosy", "1")
    visitor.press("Place order")
    visitor.sees("17 points")
    visitor.look("shop-order")


def test_a_step_can_be_left_and_come_back_to_by_somebody_else(operator: Person, approver: Person) -> None:
    operator.open(UPLOAD)
    operator.give_file("Component", "loyalty.wasm", loyalty())
    operator.press("Upload and check")
    operator.sees("It can run here")
    operator.follow("Go on to consent")
    operator.sees("shop_order")
    assert not operator.has("checkbox", "I agree to database")

    approver.open(operator.path)
    approver.check("I agree to database")
    approver.press("Save my answer and go on")
    approver.sees("agreed to by ada")
    approver.open(LIST)

    operator.follow("Go on to enabling")
    operator.sees("agreed to by ada")
    assert not operator.has("button", "Enable version 1")
    approver.open(operator.path)
    approver.press("Enable version 1")
    approver.sees("version 1 is running", within="body")


def test_a_refused_upload_explains_itself_and_brings_a_text_for_its_author(operator: Person) -> None:
    operator.open(UPLOAD)
    operator.give_file("Component", "stranger.wasm", stranger())
    operator.press("Upload and check")
    operator.sees("It was refused")
    operator.sees("What to do:")
    operator.look("refused")
    assert "evil:corp/backdoor" in operator.value_of("A text to send to its author")
    assert not PluginVersion.objects.exists()

    operator.give_file("Component", "loyalty.wasm", loyalty())  # the page is ready for another file
    operator.press("Upload and check")
    operator.sees("It can run here")


def test_without_a_mouse_an_admin_gets_from_the_list_to_a_plugin_that_runs(approver: Person) -> None:
    approver.open(LIST)
    approver.tab_to("Upload a plugin")
    approver.key("Enter")
    approver.sees("Choose a file")
    approver.tab_to("Component:")
    approver.choose_with_key("Enter", "loyalty.wasm", loyalty())
    approver.tab_to("Upload and check")
    approver.key("Enter")
    approver.sees("It can run here")
    approver.tab_to("Go on to consent")
    approver.key("Enter")
    approver.sees("shop_order")
    approver.tab_to("I agree to database")
    approver.key("Space")
    approver.tab_to("Save my answer and go on")
    approver.key("Enter")
    approver.sees("agreed to by ada")
    approver.tab_to("Enable version 1")
    approver.key("Enter")
    approver.sees("version 1 is running", within="body")
    assert Plugin.objects.get().is_enabled
