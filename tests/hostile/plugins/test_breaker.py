"""A plugin that fails on every call: it falls asleep, is tried once a while, and wakes when it is well."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connections, transaction
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from tests.components import Function, err, grow, json_handler, ok, plugin_component, route, spin, text_hook, trap
from tests.hostile.asked import another_process
from tests.hostile.bodies import busy
from tests.installed import install
from wasm_plugins import get_plugin_manager, lifecycle
from wasm_plugins.exceptions import PluginAsleep, PluginError
from wasm_plugins.models import Plugin, Route, VersionHealth
from wasm_plugins.outbox import outbox
from wasm_plugins.registry import mark_changed
from wasm_plugins.sync import record_upload

with_real_commits = pytest.mark.django_db(transaction=True)


def serve(function: Function, salt: str = "") -> Plugin:
    """Install a plugin with one public route."""
    plugin = install(plugin_component("pages", routes=[route("/pages/one", function)], salt=salt))
    Route.objects.update(access="public")
    mark_changed()
    return plugin


def ask() -> str:
    """Call the route as the view does, and return what came of it."""
    request = RequestFactory().get("/pages/one")
    request.user = AnonymousUser()
    try:
        get_plugin_manager().call_route(request, "/pages/one")
    except PluginError as error:
        return error.code
    return "ok"


def ask_and_close(outcomes: list[str], together: threading.Barrier) -> None:
    try:
        together.wait(10)
        outcomes.append(ask())
    finally:
        connections.close_all()


@with_real_commits
def test_hp_33_a_thousand_calls_of_a_poison_plugin_reach_it_five_times() -> None:
    serve(json_handler(trap()))
    took_ms, outcomes = [], Counter[str]()
    for _ in range(1_000):
        started = time.perf_counter()
        code = ask()
        outcomes[code] += 1
        if code == "plugin-asleep":
            took_ms.append((time.perf_counter() - started) * 1_000)
    assert outcomes == {"plugin-trapped": 5, "plugin-asleep": 995}
    assert statistics.median(took_ms) < 1


@pytest.mark.django_db
@pytest.mark.parametrize(("body", "status"), [(trap(), 502), (grow(), 502), (spin(), 504), (ok("no JSON"), 502)])
def test_hp_33_every_kind_of_failure_counts_and_the_caller_is_told_when_to_come_again(
    client: Client, settings: Settings, body: object, status: int
) -> None:
    settings.WASM_PLUGINS_ROUTE_DEADLINE_MS = 100
    serve(json_handler(body))  # type: ignore[arg-type]
    assert [client.get("/plugins/pages/one").status_code for _ in range(6)] == [status] * 5 + [503]
    response = client.get("/plugins/pages/one")
    assert response.json()["error"]["code"] == "plugin-asleep"
    assert 1 <= int(response["Retry-After"]) <= 30


@pytest.mark.django_db
def test_hp_33_what_is_no_failure_of_the_version_does_not_count(client: Client) -> None:
    serve(json_handler(err("no")))
    for _ in range(30):
        assert client.get("/plugins/pages/one").status_code == 422
        assert client.put("/plugins/pages/one").status_code == 405
        assert client.post("/plugins/pages/one", "x", content_type="application/json").status_code == 400
    assert not VersionHealth.objects.exists()


@with_real_commits
def test_hp_33_of_all_callers_at_once_one_tries_the_version_in_each_period(settings: Settings) -> None:
    settings.WASM_PLUGINS_BREAKER_SLEEP_S = 1
    plugin = serve(json_handler(trap()))
    assert [ask() for _ in range(6)] == ["plugin-trapped"] * 5 + ["plugin-asleep"]
    outbox.flush()
    first = VersionHealth.objects.get(version=plugin.current_version)
    assert first.times_opened == 1
    time.sleep(max(0.0, (first.open_until - timezone.now()).total_seconds()) + 0.1)  # type: ignore[operator]
    outcomes: list[str] = []
    together = threading.Barrier(8)
    threads = [threading.Thread(target=ask_and_close, args=(outcomes, together)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(outcomes) == {"plugin-trapped": 1, "plugin-asleep": 7}
    outbox.flush()
    second = VersionHealth.objects.get(version=plugin.current_version)
    assert second.times_opened == 2
    assert 1.0 < (second.open_until - timezone.now()).total_seconds() <= 2.0  # type: ignore[operator]


@with_real_commits
def test_hp_33_it_wakes_after_one_good_call(settings: Settings) -> None:
    settings.WASM_PLUGINS_BREAKER_SLEEP_S = 1
    settings.WASM_PLUGINS_ROUTE_DEADLINE_MS = 1
    plugin = serve(json_handler(busy(200_000_000)))
    assert [ask() for _ in range(6)] == ["deadline-exceeded"] * 5 + ["plugin-asleep"]
    settings.WASM_PLUGINS_ROUTE_DEADLINE_MS = 20_000
    time.sleep(1.1)
    assert [ask() for _ in range(3)] == ["ok"] * 3
    outbox.flush()
    health = VersionHealth.objects.get(version=plugin.current_version)
    assert (health.open_until, health.times_opened) == (None, 0)
    assert health.last_error_code == "deadline-exceeded"


@pytest.mark.django_db
def test_hp_33_each_version_has_a_state_of_its_own(client: Client) -> None:
    plugin = serve(json_handler(trap()))
    for _ in range(6):
        client.get("/plugins/pages/one")
    version = record_upload(plugin_component("pages", routes=[route("/pages/one", json_handler(ok("{}")))]))
    lifecycle.use_version(plugin, version.number)
    assert client.get("/plugins/pages/one").status_code == 200
    lifecycle.use_version(plugin, 1)
    assert client.get("/plugins/pages/one").status_code == 503


@with_real_commits
def test_hp_33_failures_count_although_the_callers_transaction_is_undone() -> None:
    plugin = install(plugin_component("bad", hooks={"guard-opened": text_hook(trap())}))
    for _ in range(5):
        with pytest.raises(PluginError), transaction.atomic():
            get_plugin_manager().call_hook_dynamic("guard-opened", 1, "")
    with pytest.raises(PluginAsleep):
        get_plugin_manager().call_hook_dynamic("guard-opened", 1, "")
    outbox.flush()
    assert VersionHealth.objects.get(version=plugin.current_version).open_until is not None


@with_real_commits
def test_hp_33_another_process_knows_within_a_second(child_environment: dict[str, str]) -> None:
    install(plugin_component("bad", hooks={"guard-opened": text_hook(trap())}))
    with another_process(child_environment, "guard-opened") as ask_it:
        assert ask_it() == "plugin-trapped"
        for _ in range(5):
            with pytest.raises(PluginError):
                get_plugin_manager().call_hook_dynamic("guard-opened", 1, "")
        time.sleep(1)
        assert ask_it() == "plugin-asleep"
