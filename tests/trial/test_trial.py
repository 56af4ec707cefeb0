"""A trial: any version is called as in production, and nothing of it stays but an audit entry."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.db import transaction
from django.http import HttpResponse
from pytest_django import Settings

from tests.called import called
from tests.components import (
    authorize,
    echo,
    json_handler,
    log,
    ok,
    plugin_component,
    progress,
    route,
    spin,
    sql,
    text_hook,
    trap,
)
from tests.installed import install, tables
from tests.keyvalue_components import get, keeping, put
from tests.secret_components import answered
from wasm_plugins import lifecycle
from wasm_plugins.exceptions import CapabilityDenied, DeadlineExceeded, PluginQuarantined, PluginTrapped, TaskNotFound
from wasm_plugins.health.breaker import breaker
from wasm_plugins.models import (
    AuditEntry,
    KeptCall,
    KeyValue,
    KeyValueUsage,
    Plugin,
    PluginVersion,
    TaskRun,
    VersionHealth,
)
from wasm_plugins.outbox import outbox
from wasm_plugins.registry import find_snapshot
from wasm_plugins.runtime.redaction import STARS, Redactor
from wasm_plugins.sealing import SecretValue
from wasm_plugins.secret_acts import set_secret
from wasm_plugins.sync import record_upload
from wasm_plugins.trial import Allowed, HookCall, RouteCall, TaskCall, Trial, try_call
from wasm_plugins.trial.call import ACT
from wasm_plugins.trial.discretion import without_secrets

ADD = sql("INSERT INTO auth_group (name) VALUES ($1)", "added")
GROUPS = tables(auth_group=["select", "insert"])
TOML = '[capabilities.database.tables]\nauth_group = ["select", "insert"]\n'
TASK = TaskCall(name="write", text='{"a": 1}')


def writer(body: Any = None, toml: str | None = TOML) -> bytes:
    return plugin_component("writer", tasks={"write": json_handler(body or ok("{}", first=[ADD]))}, toml=toml)


def tried(plugin: Plugin, target: Any = TASK, *, user: Any = None, **allowed: bool) -> Trial:
    version = plugin.versions.order_by("-number")[0]
    return try_call(plugin, version, target, allowed=Allowed(**allowed), user=user or AnonymousUser(), by=None)


@pytest.mark.django_db
def test_what_it_writes_is_seen_by_it_and_undone() -> None:
    again = "INSERT INTO auth_group (name) SELECT name || ' twice' FROM auth_group"
    trial = tried(install(writer(ok("{}", first=[ADD, sql(again), progress(40, "half"), log("hello")])), grants=GROUPS))
    assert (trial.error, trial.answer) == (None, "{}")
    assert [(each.sql, each.outcome) for each in trial.witness.statements] == [
        ("INSERT INTO auth_group (name) VALUES ($1)", "rows changed: 1"),
        (again, "rows changed: 1"),
    ]
    assert trial.progress == [(40, "half")]
    assert [line.text for line in trial.log] == ["test: hello"]
    assert trial.used["sql_statements"][0] == 2
    assert not Group.objects.exists()


@pytest.mark.django_db(transaction=True, databases=["default", "sqlite"])
def test_every_database_that_it_uses_is_undone(settings: Settings) -> None:
    settings.WASM_PLUGINS_DATABASES = {"default": "default", "keycloak": "sqlite"}
    there = sql("INSERT INTO auth_group (name) VALUES ($1)", "there", database="keycloak")
    trial = tried(install(writer(ok("{}", first=[ADD, there])), grants=GROUPS))
    assert trial.error is None
    assert len(trial.witness.statements) == 2
    assert not Group.objects.exists() and not Group.objects.using("sqlite").exists()


@pytest.mark.django_db(transaction=True, databases=["default", "sqlite"])
@pytest.mark.parametrize("is_open", [False, True])
def test_every_transaction_that_a_hook_may_join_is_undone(settings: Settings, is_open: bool) -> None:
    settings.WASM_PLUGINS_DATABASES = {"default": "default", "keycloak": "sqlite"}
    there = sql("INSERT INTO auth_group (name) VALUES ($1)", "there", database="keycloak")
    hook = text_hook(ok("done", first=[ADD, there]))
    plugin = install(plugin_component("writer", hooks={"order-placed": hook}, toml=TOML), grants=GROUPS)
    with transaction.atomic(using="sqlite") if is_open else nullcontext():  # as with ATOMIC_REQUESTS
        trial = tried(plugin, HookCall(name="order-placed", args=(1, "x")))
    assert (trial.error is None) == is_open
    assert len(trial.witness.statements) == 2
    assert not Group.objects.exists() and not Group.objects.using("sqlite").exists()


@pytest.mark.django_db
def test_a_trial_is_not_among_the_calls_that_are_kept(settings: Settings) -> None:
    settings.WASM_PLUGINS_KEPT_CALLS = 10
    plugin = install(writer(ok("{}"), toml=None))
    called("writer/write")
    outbox.flush()
    assert tried(plugin).error is None
    outbox.flush()
    assert KeptCall.objects.count() == 1


@pytest.mark.django_db
def test_a_query_has_any_letters() -> None:
    plugin = install(plugin_component("greeter", routes=[route("/greeter/echo", json_handler(echo()))]))
    trial = tried(plugin, RouteCall(path="/greeter/echo", query="name=Łódź"), user=User.objects.create_user("ann"))
    assert json.loads(trial.answer.content)["request"]["query"] == {"name": ["Łódź"]}


@pytest.mark.django_db
@pytest.mark.parametrize("target", [HookCall(name="order-placed", args=(1, "x")), TASK, RouteCall(path="/vault/do")])
def test_an_answer_has_no_secret(target: Any) -> None:
    body = answered("token")
    component = plugin_component(
        "vault",
        hooks={"order-placed": text_hook(body)},
        tasks={"write": json_handler(body)},
        routes=[route("/vault/do", json_handler(body))],
    )
    plugin = install(component, grants={"config": {}})
    set_secret(plugin, "token", SecretValue('"canary-ü"'))
    trial = tried(plugin, target, user=User.objects.create_user("ann"))
    assert trial.error is None
    answer = trial.answer.content.decode() if isinstance(target, RouteCall) else trial.answer
    assert answer == STARS


def test_a_response_of_any_bytes_keeps_all_but_the_secret() -> None:
    redactor = Redactor()
    redactor.hide("canary-ü")
    response = HttpResponse(b"\xff canary-\xc3\xbc \x00", headers={"X-Told": "canary-ü".encode().hex()})
    without_secrets(response, redactor)
    assert (response.content, response["X-Told"]) == (b"\xff *** \x00", STARS)


@pytest.mark.django_db
def test_a_version_that_is_neither_on_nor_approved_is_tried_with_what_is_granted_or_for_once_with_more() -> None:
    plugin = install(writer(), enable=False)
    refused = tried(plugin).error
    assert isinstance(refused, CapabilityDenied) and "database is not allowed in this trial" in refused.message
    assert tried(plugin, all_it_asks_for=True).error is None
    plugin.refresh_from_db()
    assert not plugin.is_enabled and not plugin.grants.exists()
    assert not Group.objects.exists()


@pytest.mark.django_db
def test_an_audit_entry_remains_although_all_else_is_undone() -> None:
    root = User.objects.create_superuser("root")
    plugin = install(writer(), grants=GROUPS)
    with transaction.atomic():
        try_call(plugin, plugin.versions.get(), TASK, allowed=Allowed(), user=root, by=root)
    outbox.flush()
    entry = AuditEntry.objects.get(act=ACT)
    assert (entry.username, entry.plugin, entry.version, entry.subject) == ("root", "writer", 1, "task write")
    assert (entry.outcome, entry.details) == ("ok", {"allowed": ["database"], "undone": True})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "error"), [(trap(first=[ADD]), PluginTrapped), (spin(first=[ADD]), DeadlineExceeded)], ids=["trap", "spin"]
)
def test_what_fails_is_told_and_counts_against_nobody(body: Any, error: type, settings: Settings) -> None:
    settings.WASM_PLUGINS_BREAKER_FAILURES = 1
    settings.WASM_PLUGINS_HOOK_DEADLINE_MS = 200
    component = plugin_component("writer", hooks={"order-placed": text_hook(body)}, toml=TOML)
    plugin = install(component, grants=GROUPS)
    for _ in range(2):
        trial = tried(plugin, HookCall(name="order-placed", args=(1, "x")))
        assert isinstance(trial.error, error)
    assert not VersionHealth.objects.exists() and not Group.objects.exists()
    breaker.check_awake(find_snapshot().plugins[plugin.name])
    assert AuditEntry.objects.filter(act=ACT, outcome=trial.error.code).count() == 2  # type: ignore[union-attr]


@pytest.mark.django_db
def test_a_hook_gets_its_arguments_and_a_route_its_request() -> None:
    handler = json_handler(echo())
    component = plugin_component(
        "greeter", hooks={"order-placed": text_hook(echo())}, routes=[route("/greeter/echo", handler)]
    )
    plugin = install(component, enable=False)
    assert tried(plugin, HookCall(name="order-placed", args=(7, "gift"))).answer == "gift"
    ann = User.objects.create_user("ann")
    trial = tried(plugin, RouteCall(path="/greeter/echo", query="page=2", body='{"a": 1}'), user=ann)
    assert trial.answer.status_code == 200
    assert b'"a": 1' in trial.answer.content and b'"username": "ann"' in trial.answer.content
    assert b'"page": ["2"]' in trial.answer.content


@pytest.mark.django_db
def test_who_may_call_a_route_holds_in_a_trial_too() -> None:
    plugin = install(plugin_component("greeter", routes=[route("/greeter/echo", json_handler(echo()))]))
    refused = tried(plugin, RouteCall(path="/greeter/echo")).error
    assert refused is not None and refused.code == "authentication-required"


@pytest.mark.django_db
def test_a_route_that_is_processed_as_a_task_is_called_and_no_run_is_queued() -> None:
    plugin = install(
        plugin_component("greeter", routes=[route("/greeter/echo", json_handler(echo()), process_as_task=True)])
    )
    user = User.objects.create_user("ann")
    assert tried(plugin, RouteCall(path="/greeter/echo", method="POST"), user=user).answer.status_code == 200
    assert not TaskRun.objects.exists()


@pytest.mark.django_db
def test_the_plugin_acts_for_the_user_who_was_chosen() -> None:
    grants: dict[str, Any] = {"authorization": {}}
    plugin = install(
        plugin_component("asker", tasks={"write": json_handler(ok("{}", first=[authorize("auth.view_user")]))}),
        grants=grants,
    )
    ann = User.objects.create_user("ann")
    ann.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert tried(plugin, user=ann).error is None
    refused = tried(plugin).error
    assert refused is not None and "nobody is logged in" in refused.message


@pytest.mark.django_db
def test_memory_is_measured_by_halves_where_nobody_notices() -> None:
    trial = tried(install(writer(), grants=GROUPS))
    assert trial.memory is not None
    least, limit = trial.memory
    assert limit == 64 * 1024 * 1024 and 65_536 <= least < limit
    assert tried(Plugin.objects.get(), http=True).memory is None


@pytest.mark.django_db
def test_what_must_not_run_is_not_tried() -> None:
    plugin = install(writer(), grants=GROUPS)
    VersionHealth.objects.create(version=plugin.versions.get(), quarantined_at="2026-01-01T00:00:00Z")
    with pytest.raises(PluginQuarantined):
        tried(plugin)


@pytest.mark.django_db
def test_a_task_that_there_is_not_is_told() -> None:
    trial = tried(install(writer(), grants=GROUPS), TaskCall(name="other"))
    assert isinstance(trial.error, TaskNotFound)


@pytest.mark.django_db
def test_an_older_version_is_tried_beside_the_one_that_serves() -> None:
    plugin = install(writer(ok('"old"'), toml=None))
    newer = record_upload(writer(ok('"new"'), toml=None))
    lifecycle.use_version(plugin, newer.number)
    old = PluginVersion.objects.get(plugin=plugin, number=1)
    said = try_call(plugin, old, TASK, allowed=Allowed(), user=AnonymousUser(), by=None)
    assert (said.answer, tried(plugin).answer) == ('"old"', '"new"')


@pytest.mark.django_db
def test_what_it_keeps_in_its_store_is_undone_too() -> None:
    component = plugin_component("carts", tasks={"write": json_handler(keeping(put("k", b"kept"), get("k")))})
    plugin = install(component, enable=False)
    refused = tried(plugin).error
    assert isinstance(refused, CapabilityDenied)
    trial = tried(plugin, all_it_asks_for=True)
    assert (trial.error, trial.answer) == (None, "kept")
    assert not KeyValue.objects.exists() and not KeyValueUsage.objects.exists()
