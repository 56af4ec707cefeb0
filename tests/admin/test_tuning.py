"""What an admin may tune: it is checked at its field, noticed at once, and survives a new version."""

from __future__ import annotations

import pytest

from tests.admin.pages import Staff, form_fields, page_of, text_of
from tests.admin.plugins import greeter
from tests.installed import install
from wasm_plugins.models import Plugin
from wasm_plugins.registry import find_snapshot
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db

TUNED = {
    "hooks-0-priority": "-5",
    "routes-0-access": "shop.view_order",
    "tasks-0-queue": "default",
    "tasks-0-timeout_s": "7",
    "tasks-0-max_retries": "3",
}


@pytest.fixture
def plugin(db: None) -> Plugin:
    """A plugin that is on, with a hook, a route and a task."""
    return install(greeter())


def test_what_was_tuned_is_served_at_once_and_survives_a_new_version(approver: Staff, plugin: Plugin) -> None:
    find_snapshot()
    assert approver.save(plugin, TUNED).status_code == 302
    record_upload(greeter("2", toml='[routes."/greeter/hello"]\naccess = "public"\n[tasks.greet]\ntimeout_s = 50\n'))
    for number in (1, 2):
        approver.act(plugin, "use-version", number=number)
        snapshot = find_snapshot()
        task = snapshot.tasks["greeter", "greet"]
        assert snapshot.plugins["greeter"].version == number
        assert plugin.hooks.get().priority == -5
        assert snapshot.routes["/greeter/hello"].access == "shop.view_order"
        assert (task.queue, task.timeout_s, task.max_retries) == ("default", 7, 3)


def test_a_tuned_value_that_is_emptied_is_as_declared_again(approver: Staff, plugin: Plugin) -> None:
    approver.save(plugin, TUNED)
    approver.save(plugin, dict.fromkeys(TUNED, ""))
    assert find_snapshot().routes["/greeter/hello"].access == "authenticated"
    assert plugin.hooks.get().priority is None


def test_a_hook_a_route_and_a_task_can_each_be_switched_off(approver: Staff, plugin: Plugin) -> None:
    fields = {f"{rows}-0-is_enabled": "" for rows in ("hooks", "routes", "tasks")}
    response = approver.save(plugin, fields)
    assert response.status_code == 302
    snapshot = find_snapshot()
    assert (snapshot.hooks, snapshot.routes, snapshot.tasks) == ({}, {}, {})
    assert len(approver.history()) == 1


@pytest.mark.parametrize("access", ["public", "authenticated", "staff", "shop.view_order", ""])
def test_access_may_be_a_word_or_a_permission_or_nothing(approver: Staff, plugin: Plugin, access: str) -> None:
    assert approver.save(plugin, {"routes-0-access": access}).status_code == 302
    assert plugin.routes.get().access == access


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("routes-0-access", "Public"),
        ("routes-0-access", "everybody"),
        ("routes-0-access", "shop.view_order.more"),
        ("routes-0-access", "shop view_order"),
        ("routes-0-access", "<img src=x onerror=alert(1)>"),
        ("routes-0-access", "a." + "b" * 200),
        ("hooks-0-priority", "first"),
        ("hooks-0-priority", "99999999999"),
        ("tasks-0-queue", "nobody-works-here"),
        ("tasks-0-timeout_s", "0"),
        ("tasks-0-timeout_s", "86401"),
        ("tasks-0-max_retries", "21"),
        ("tasks-0-max_retries", "-1"),
    ],
)
def test_a_value_that_cannot_work_is_refused_at_its_field(
    approver: Staff, plugin: Plugin, field: str, value: str
) -> None:
    page = text_of(approver.save(plugin, {field: value}))
    assert f'id="id_{field}_error"' in page
    assert "<img src=x" not in page
    row = getattr(plugin, field.partition("-")[0]).get()
    assert getattr(row, field.rpartition("-")[2]) in ("", None)


def test_tuning_does_not_undo_what_another_admin_did_meanwhile(approver: Staff, plugin: Plugin) -> None:
    fields = form_fields(text_of(approver.get(page_of(plugin))))
    approver.act(plugin, "disable")
    assert approver.post(page_of(plugin), {**fields, **TUNED}).status_code == 302
    plugin.refresh_from_db()
    assert not plugin.is_enabled
