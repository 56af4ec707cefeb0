"""A component written to the seed's own contract, unmodified: uploaded, approved, served, run as a task."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from project.shop.models import Order
from tests.installed import install
from wasm_plugins import get_plugin_manager, lifecycle
from wasm_plugins.exceptions import CapabilityDenied, PluginFailed
from wasm_plugins.models import Plugin, TaskRun
from wasm_plugins.sync import record_upload
from wasm_plugins.tasks import perform_run

pytestmark = pytest.mark.django_db(transaction=True)

COMPONENT = (Path(__file__).parents[1] / "windmill" / "windmill-legacy.wasm").read_bytes()
GRANTS = {"database": {"tables": {"shop_order": ["select"]}}, "authorization": {}}


@pytest.fixture
def ann(client: Client) -> Client:
    user = User.objects.create_user("ann")
    user.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(user)
    return client


@pytest.fixture
def orders() -> None:
    Order.objects.create(pk=1, email="a@example.org", total_cents=100)
    Order.objects.create(pk=2, email="b@example.org", total_cents=5_000)


def test_it_is_verified_and_waits_for_its_capabilities() -> None:
    version = record_upload(COMPONENT)
    assert (version.plugin.name, version.state) == ("windmill-legacy", "verified")
    with pytest.raises(CapabilityDenied) as caught:
        lifecycle.enable(version.plugin)
    assert caught.value.missing == "authorization, database"
    assert not Plugin.objects.get().is_enabled


def test_its_hook_answers_with_windmills_types() -> None:
    install(COMPONENT, grants=GRANTS)
    (answer,) = get_plugin_manager().call_hook_dynamic("my-hook", 42, "example input").values
    assert "42" in answer
    assert "example input" in answer


def test_its_task_reads_the_database_as_the_user_who_asked(ann: Client, orders: None, rq_queue: str) -> None:
    install(COMPONENT, grants=GRANTS)
    asked = {"min_cents": 1_000, "permissions": ["shop.view_order"]}
    response = ann.post("/plugins/windmill-legacy/tally", asked, content_type="application/json")
    assert response.status_code == 202
    perform_run(response.json()["run"])
    run = TaskRun.objects.get()
    assert run.status == "finished", run.error
    assert [row["id"] for row in _rows(run.result)] == [2]
    assert ann.get(response["Location"]).json()["status"] == "finished"


def test_its_task_is_refused_to_a_user_who_lacks_the_permission(ann: Client, orders: None, rq_queue: str) -> None:
    install(COMPONENT, grants=GRANTS)
    asked = {"min_cents": 0, "permissions": ["shop.delete_order"]}
    perform_run(ann.post("/plugins/windmill-legacy/tally", asked, content_type="application/json").json()["run"])
    run = TaskRun.objects.get()
    assert (run.status, run.error_code) == ("failed", "plugin-failed")


def test_a_result_without_a_payload_is_told_from_its_err(ann: Client) -> None:
    install(COMPONENT, grants=GRANTS)
    where = "/plugins/windmill-legacy/check"
    allowed = ann.post(where, {"permissions": ["shop.view_order"]}, content_type="application/json")
    denied = ann.post(where, {"permissions": ["shop.delete_order"]}, content_type="application/json")
    assert (allowed.status_code, allowed.json()) == (200, None)
    assert (denied.status_code, denied.json()["error"]["code"]) == (422, "plugin-failed")


def test_a_task_without_a_user_is_not_authorized(orders: None) -> None:
    install(COMPONENT, grants=GRANTS)
    with pytest.raises(PluginFailed):
        get_plugin_manager().execute_task("windmill-legacy/tally", {"min_cents": 0, "permissions": []})


def _rows(result: str) -> list[dict[str, object]]:
    answer = json.loads(result)
    return answer if isinstance(answer, list) else answer["rows"]
