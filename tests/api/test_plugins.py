"""What the API tells of a plugin, and how it lets one serve."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from tests.admin.plugins import greeter, refuse, writer
from tests.api.asked import Program, code_of
from tests.called import called as called_within
from tests.components import json_handler, log, ok, plugin_component, trap
from tests.installed import install
from wasm_plugins import lifecycle
from wasm_plugins.exceptions import PluginTrapped
from wasm_plugins.models import AuditEntry, KeptCall, Plugin, TaskRun
from wasm_plugins.outbox import outbox

pytestmark = pytest.mark.django_db


def called(name: str) -> None:
    """Call an export; what waits to be written outside of its transaction is written then."""
    try:
        called_within(name)
    finally:
        outbox.flush()


SCOPE = {"tables": {"shop_order": ["select"]}}


def test_a_plugin_is_told_with_its_versions_and_why_nothing_calls_it(author: Program) -> None:
    plugin = install(greeter(), enable=False)
    refuse(plugin)
    told = author.told("plugins/greeter/")
    assert (told["state"], told["is_enabled"], told["waiting_version"]) == ("off", False, None)
    assert told["not_called"].startswith("it is off")
    assert told["current"]["version"] == 1
    assert told["newest"]["error"] == {"code": "link-error", "message": "imports evil:corp/backdoor"}


def test_a_plugin_that_is_not_there_is_404(author: Program) -> None:
    for path in ("plugins/nothing/", "plugins/nothing/log/"):
        assert code_of(author.ask("GET", path)) == (404, "plugin-not-found")
    assert code_of(author.enable(1, "nothing")) == (404, "plugin-not-found")


def test_enabling_lets_the_version_serve_that_is_named(author: Program) -> None:
    author.upload(greeter())
    author.upload(greeter("2"))
    told = author.enable(2).json()
    assert (told["state"], told["current"]["version"], told["not_called"]) == ("running", 2, "")
    assert Plugin.objects.get().is_enabled


def test_what_nobody_granted_is_granted_only_where_that_is_said(author: Program) -> None:
    author.upload(writer(), "writer")
    assert code_of(author.enable(1, "writer")) == (422, "capability-denied")
    assert AuditEntry.objects.get(act="enable").outcome == "capability-denied"
    told = author.enable(1, "writer", grant=True).json()
    assert (told["state"], told["current"]["wishes"][0]["granted"]) == ("running", SCOPE)


def test_agreeing_widens_nothing_that_an_admin_narrowed(author: Program) -> None:
    install(writer(), grants={"database": {"tables": {}}})
    author.upload(writer(salt="2"), "writer")
    assert author.enable(2, "writer", grant=True).status_code == 200
    assert not Plugin.objects.get().grants.get().scope.get("tables")


def test_whoever_uploaded_enables_nothing_where_two_persons_are_wanted(author: Program, settings: Settings) -> None:
    settings.WASM_PLUGINS_TWO_PERSONS = True
    author.upload(greeter())
    assert code_of(author.enable(1)) == (403, "second-person-needed")
    assert not Plugin.objects.get().is_enabled


@pytest.mark.parametrize("version", [None, "1", 0, -1, True, 1.0, 2**31, [1]])
def test_an_order_names_a_version(author: Program, version: Any) -> None:
    author.upload(greeter())
    assert code_of(author.enable(version)) == (400, "body-refused")
    assert code_of(author.enable(1, grant="yes")) == (400, "body-refused")


@pytest.mark.parametrize("body", [b"", b"[]", b"x", b"\xff", b'{"version": 1}' + b" " * 5_000, b"[" * 4_000])
def test_an_order_is_a_small_json_object(author: Program, body: bytes) -> None:
    author.upload(greeter())
    assert code_of(author.ask("POST", "plugins/greeter/enable/", body))[0] in (400, 411, 413)
    assert not Plugin.objects.get().is_enabled


def test_a_version_that_is_not_there_or_was_refused_is_not_enabled(author: Program) -> None:
    refuse(install(greeter(), enable=False))
    assert code_of(author.enable(7)) == (422, "plugin-error")
    assert code_of(author.enable(2, grant=True)) == (422, "plugin-error")


# The log


def talker() -> bytes:
    """A plugin that says something and answers, or crashes."""
    said = [log("one order\nfor <b>Ada</b>")]
    tasks = {"greet": json_handler(ok("{}", first=said)), "crash": json_handler(trap(first=said))}
    return plugin_component("talker", tasks=tasks)


def test_calls_are_kept_with_what_the_plugin_wrote_where_the_project_wants_it(
    author: Program, settings: Settings
) -> None:
    install(talker())
    called("talker/greet")
    assert not KeptCall.objects.exists()
    settings.WASM_PLUGINS_KEPT_CALLS = 10
    called("talker/greet")
    with pytest.raises(PluginTrapped):
        called("talker/crash")
    told = author.told("plugins/talker/log/")
    assert told["keeps_calls"]
    good, bad = told["entries"]
    assert (good["kind"], good["export"], good["version"], good["outcome"]) == ("call", "greet", 1, "ok")
    assert good["log"] == ["info: test: one order", "info: for <b>Ada</b>"]
    assert (bad["export"], bad["outcome"], bad["log"]) == ("crash", "plugin-trapped", good["log"])
    assert "unreachable" in bad["error"]


def test_only_the_last_calls_of_each_plugin_are_kept(settings: Settings) -> None:
    settings.WASM_PLUGINS_KEPT_CALLS = 3
    install(talker())
    for _ in range(5):
        called("talker/greet")
    assert KeptCall.objects.filter(plugin="talker").count() == 3


def test_runs_are_told_whatever_the_project_keeps(author: Program) -> None:
    plugin = install(talker())
    row = {"plugin": plugin, "handler": "greet", "input": "{}", "queue": "default", "timeout_s": 5}
    TaskRun.objects.create(**row)
    now = plugin.created_at
    TaskRun.objects.create(
        **row, status="failed", error_code="plugin-failed", error="no", log="info: x", started_at=now, finished_at=now
    )
    (entry,) = author.told("plugins/talker/log/")["entries"]
    assert (entry["kind"], entry["outcome"], entry["error"], entry["log"]) == (
        "run",
        "plugin-failed",
        "no",
        ["info: x"],
    )


def test_a_log_is_asked_for_from_a_moment_on(author: Program, settings: Settings) -> None:
    settings.WASM_PLUGINS_KEPT_CALLS = 10
    install(talker())
    called("talker/greet")
    now = author.told("token/")["now"]
    assert author.told(f"plugins/talker/log/?since={now.replace('+', '%2B')}")["entries"] == []
    for wrong in ("yesterday", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "1" * 100, "9999-12-31T23:59:59-14:00"):
        assert code_of(author.ask("GET", f"plugins/talker/log/?since={wrong}")) == (400, "body-refused")


def test_a_plugin_of_the_same_name_tells_nothing_of_the_one_before(author: Program, settings: Settings) -> None:
    settings.WASM_PLUGINS_KEPT_CALLS = 10
    plugin = install(talker())
    called("talker/greet")
    Plugin.objects.filter(pk=plugin.pk).update(current_version=None)
    plugin.refresh_from_db()
    plugin.delete()
    install(talker())
    assert author.told("plugins/talker/log/")["entries"] == []


def test_a_log_is_bounded(author: Program, settings: Settings) -> None:
    plugin = install(talker())
    for _ in range(60):
        KeptCall.objects.create(
            plugin=plugin.name, version=1, export="x", outcome="ok", log="x" * 60_000, error="y" * 60_000, elapsed_ms=1
        )
    response = author.ask("GET", "plugins/talker/log/")
    assert len(response.json()["entries"]) == 50
    assert len(response.content) < 50 * 21_000


def test_calls_of_a_deleted_plugin_are_deleted(settings: Settings) -> None:
    settings.WASM_PLUGINS_KEPT_CALLS = 10
    plugin = install(talker())
    called("talker/greet")
    lifecycle.delete(plugin)
    assert not KeptCall.objects.exists()


def test_who_is_no_longer_staff_or_active_is_refused(author: Program) -> None:
    for lost in ("is_staff", "is_active"):
        User.objects.filter(pk=author.user.pk).update(is_staff=True, is_active=True)
        assert author.ask("GET", "token/").status_code == 200
        User.objects.filter(pk=author.user.pk).update(**{lost: False})
        assert code_of(author.ask("GET", "token/")) == (401, "token-refused")


def test_a_project_that_wants_everybody_logged_in_still_asks_programs_for_tokens(
    author: Program, settings: Settings, client: Client
) -> None:
    middleware = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, middleware]
    assert author.ask("GET", "token/").status_code == 200
    assert code_of(author.ask("GET", "token/", HTTP_AUTHORIZATION="")) == (401, "token-missing")
    assert code_of(author.ask("GET", "nothing/")) == (404, "not-found")
    assert client.get("/plugins/livez/").status_code == 200
    assert client.get("/plugins/readyz/").status_code in (200, 503)
    assert client.get("/plugins/nothing/here").status_code == 404
    assert client.get(f"/plugins/runs/{uuid4()}/").status_code == 404


def test_what_a_token_is_for_is_told(author: Program) -> None:
    told = author.told("token/")
    assert (told["user"], told["token"], told["keeps_calls"]) == ("author", author.token.key, False)
    assert author.secret not in json.dumps(told)
