"""Three kinds of staff: what each sees, and what each may press."""

from __future__ import annotations

from typing import Final

from tests.admin.pages import LIST, RUNS, SYNC, UPLOAD, page_of
from tests.browser.person import Person
from tests.browser.plugins import ORDERS, loyalty
from tests.installed import install
from wasm_plugins.models import Plugin, TaskRun
from wasm_plugins.sync import record_upload

_BESIDE: Final = ("secrets", "limits", "settings", "versions", "try", "tasks/recount/run")


def _plugin() -> Plugin:
    plugin = install(loyalty(), grants=ORDERS)
    record_upload(loyalty(2))
    TaskRun.objects.create(plugin=plugin, handler="recount", input="{}", queue="default", timeout_s=5)
    return plugin


def _may_open(person: Person, plugin: Plugin) -> dict[str, int]:
    """Return with which status each page beside a plugin's answers."""
    pages = {name: page_of(plugin).replace("change/", f"{name}/") for name in _BESIDE}
    return {name: person.status_of(url) for name, url in {**pages, "upload": UPLOAD, "sync": SYNC}.items()}


def test_a_viewer_sees_everything_but_secrets_and_may_press_nothing(viewer: Person) -> None:
    plugin = _plugin()
    viewer.open(LIST)
    viewer.look("overview-viewer")
    assert not viewer.has("link", "Upload a plugin")
    viewer.follow("loyalty", within="#result_list")
    viewer.look("plugin-page-viewer")
    assert viewer.buttons() == []
    viewer.open(RUNS)
    viewer.follow("loyalty: recount", within="#result_list")
    assert viewer.buttons() == []
    statuses = _may_open(viewer, plugin)
    assert {name for name, status in statuses.items() if status == 200} == {"settings", "versions"}
    assert set(statuses.values()) == {200, 403}


def test_an_operator_uploads_runs_and_wakes_but_cannot_approve(operator: Person) -> None:
    plugin = _plugin()
    operator.open(page_of(plugin))
    assert [name for name in operator.buttons() if name.startswith(("Approve", "Enable", "Disable", "Grant"))] == []
    operator.open(RUNS)
    operator.follow("loyalty: recount", within="#result_list")
    assert operator.buttons() == ["Cancel this run"]
    statuses = _may_open(operator, plugin)
    assert {name for name, status in statuses.items() if status != 200} == {"secrets"}


def test_an_approver_may_do_all_of_it(approver: Person) -> None:
    plugin = _plugin()
    approver.open(page_of(plugin))
    assert "Disable" in approver.buttons()
    assert set(_may_open(approver, plugin).values()) == {200}


def test_staff_without_permissions_and_visitors_come_to_no_page(visitor: Person, nobody: Person) -> None:
    plugin = _plugin()
    for url in (LIST, page_of(plugin), RUNS, UPLOAD):
        nobody.open(url, status=403)
        visitor.open(url)
        assert visitor.path.startswith("/admin/login/")
