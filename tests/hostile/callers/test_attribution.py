"""Whatever a caller does and however it ends, one row says who did it, to which bytes, and what came of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import Client
from pytest_django import Settings

from tests.components import Function, json_handler, ok, plugin_component, route, spin, sql, text_hook, trap
from tests.installed import install, tables
from tests.tasks.installed import install_plugin
from wasm_plugins import get_plugin_manager
from wasm_plugins.exceptions import PluginError
from wasm_plugins.models import AuditEntry, Plugin, Route
from wasm_plugins.outbox import outbox
from wasm_plugins.registry import mark_changed
from wasm_plugins.tasks import perform_run, request_run

pytestmark = pytest.mark.canary_after

ADD = sql("INSERT INTO auth_group (name) VALUES ($1)", "added")
MAY_ADD = tables(auth_group=["insert"])
CALLS = ("route", "task", "hook")


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann")


def put_up(function: Function, **options: Any) -> Plugin:
    return install(plugin_component("pages", routes=[route("/pages/one", function)]), **options)


def facts(plugin: Plugin) -> tuple[str, int, str]:
    assert plugin.current_version is not None
    return plugin.name, plugin.current_version.number, plugin.current_version.digest


def only_entry() -> AuditEntry:
    outbox.flush()
    return AuditEntry.objects.get(act__in=CALLS)


def deny(plugin: Plugin) -> None:
    Route.objects.update(access="staff")
    mark_changed()


def leave(plugin: Plugin) -> None:
    """Change nothing."""


@pytest.mark.parametrize(
    ("function", "arrange", "status", "outcome"),
    [
        pytest.param(json_handler(ok("{}")), leave, 200, "ok", id="success"),
        pytest.param(json_handler(ok("{}")), deny, 403, "access-denied", id="denied"),
        pytest.param(json_handler(trap()), leave, 502, "plugin-trapped", id="trap"),
        pytest.param(json_handler(spin()), leave, 504, "deadline-exceeded", id="timeout"),
        pytest.param(json_handler(ok("{}", first=[ADD])), leave, 200, "ok", id="success-that-writes"),
    ],
)
@pytest.mark.parametrize("is_real", [False, True], ids=["within-a-test", "committed"])
def test_hc_17_every_call_of_a_route_leaves_one_row(
    request: pytest.FixtureRequest,
    settings: Settings,
    function: Function,
    arrange: Callable[[Plugin], None],
    status: int,
    outcome: str,
    is_real: bool,
) -> None:
    request.getfixturevalue("transactional_db" if is_real else "db")
    ann = User.objects.create_user("ann")
    settings.WASM_PLUGINS_ROUTE_DEADLINE_MS = 200
    plugin = put_up(function, grants=MAY_ADD)
    arrange(plugin)
    client = Client()
    client.force_login(ann)
    assert client.get("/plugins/pages/one").status_code == status
    entry = only_entry()
    assert (entry.act, entry.user, entry.username, entry.subject) == ("route", ann, "ann", "/pages/one")
    assert (entry.plugin, entry.version, entry.digest) == facts(plugin)
    assert entry.outcome == outcome
    assert entry.elapsed_ms is not None and entry.elapsed_ms > 0


def test_hc_17_a_path_that_nobody_serves_leaves_one_row(client: Client, ann: User) -> None:
    client.force_login(ann)
    assert client.get("/plugins/pages/nobody").status_code == 404
    entry = only_entry()
    assert (entry.user, entry.plugin, entry.outcome) == (ann, "", "route-not-found")
    assert entry.subject == "/pages/nobody"


@pytest.mark.django_db
def test_hc_17_somebody_who_is_not_logged_in_leaves_one_row_without_a_name(client: Client) -> None:
    put_up(json_handler(ok("{}")))
    assert client.get("/plugins/pages/one").status_code == 401
    entry = only_entry()
    assert (entry.user, entry.username, entry.outcome) == (None, "", "authentication-required")


@pytest.mark.parametrize(
    ("function", "outcome"),
    [
        (json_handler(ok("{}")), "ok"),
        (json_handler(ok("{}", first=[ADD])), "ok"),
        (json_handler(trap()), "plugin-trapped"),
        (json_handler(spin()), "deadline-exceeded"),
    ],
    ids=["success", "success-that-writes", "trap", "timeout"],
)
def test_hc_17_every_run_of_a_task_leaves_one_row(ann: User, function: Function, outcome: str) -> None:
    plugin = install_plugin("loyalty", {"recount": function}, tables={"auth_group": ["insert"]})
    run = request_run(plugin="loyalty", handler="recount", input_text="{}", user=ann)
    run.timeout_s = 1
    run.save()
    perform_run(str(run.pk))
    entry = only_entry()
    assert (entry.act, entry.user, entry.subject, entry.outcome) == ("task", ann, "recount", outcome)
    assert (entry.plugin, entry.version, entry.digest) == facts(plugin)


def test_hc_17_a_route_that_is_processed_as_a_task_leaves_a_row_for_asking_and_one_for_the_run(
    client: Client, ann: User
) -> None:
    later = route("/pages/later", json_handler(ok("{}")), process_as_task=True)
    install(plugin_component("pages", routes=[later]))
    client.force_login(ann)
    answer = client.post("/plugins/pages/later", {}, content_type="application/json")
    assert answer.status_code == 202
    perform_run(answer.json()["run"])
    found = AuditEntry.objects.filter(act__in=CALLS).order_by("pk")
    assert [(entry.act, entry.username, entry.outcome) for entry in found] == [
        ("route", "ann", "queued"),
        ("task", "ann", "ok"),
    ]


@pytest.mark.django_db(transaction=True)
def test_hc_17_what_a_plugin_wrote_is_never_there_without_who_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    put_up(json_handler(ok("{}", first=[ADD])), grants=MAY_ADD)
    Route.objects.update(access="public")
    mark_changed()

    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("the audit's table does not take it")

    with monkeypatch.context() as patched:
        patched.setattr(AuditEntry, "save", fail)
        with pytest.raises(RuntimeError):
            Client().get("/plugins/pages/one")
    assert not Group.objects.filter(name="added").exists()
    assert only_entry().outcome == "host-error"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wants_hooks", [False, True])
def test_hc_17_hooks_leave_rows_where_the_project_wants_it_even_if_the_caller_is_undone(
    settings: Settings, wants_hooks: bool
) -> None:
    settings.WASM_PLUGINS_AUDIT_HOOKS = wants_hooks
    install(plugin_component("bad", hooks={"parcel-lost": text_hook(trap())}))
    with pytest.raises(PluginError), transaction.atomic():
        get_plugin_manager().call_hook_dynamic("parcel-lost", 1, "")
    outbox.flush()
    found = AuditEntry.objects.filter(act__in=CALLS)
    assert [(entry.act, entry.subject, entry.outcome) for entry in found] == (
        [("hook", "parcel-lost", "plugin-trapped")] if wants_hooks else []
    )


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_hc_17_a_workers_process_that_ends_at_once_has_written_its_row(
    child_environment: dict[str, str], rq_queue: str, settings: Settings
) -> None:
    folder = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(project_settings.DATA_DIR / "plugins")},
    }
    settings.STORAGES = {**settings.STORAGES, "plugins": folder}
    ann = User.objects.create_user("ann")
    install_plugin("loyalty", {"recount": json_handler(trap())})
    request_run(plugin="loyalty", handler="recount", input_text="{}", user=ann)
    worker = [sys.executable, "manage.py", "rqworker", rq_queue, "--burst"]
    subprocess.run(
        [*worker, "--serializer", "rq.serializers.JSONSerializer"],
        env={**os.environ, **child_environment},
        cwd=project_settings.BASE_DIR,
        check=True,
        capture_output=True,
        timeout=60,
    )
    entry = AuditEntry.objects.get(act="task")
    assert (entry.user, entry.plugin, entry.outcome) == (ann, "loyalty", "plugin-trapped")
