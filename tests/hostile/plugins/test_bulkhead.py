"""Fifty slow calls of one plugin at once: four run, the rest is told to come again, and others notice nothing."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest
from django.db import connections
from django.test import Client
from pytest_django import Settings

from tests.components import json_handler, ok, plugin_component, route, spin
from tests.installed import install
from wasm_plugins.models import Plugin, Route
from wasm_plugins.registry import mark_changed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.canary_after]

CALLS = 50


def put_up() -> Plugin:
    install(plugin_component("canary", routes=[route("/canary/sing", json_handler(ok('"tweet"')))]))
    slow = install(plugin_component("slow", routes=[route("/slow/one", json_handler(spin()))]))
    Route.objects.update(access="public")
    mark_changed()
    return slow


def call_at_once(count: int) -> list[tuple[int, str | None, float]]:
    """Call the slow route from many threads; return status, ``Retry-After`` and seconds of each."""
    answers: list[tuple[int, str | None, float]] = []
    together = threading.Barrier(count)

    def call() -> None:
        try:
            connections["default"].ensure_connection()
            together.wait(30)
            started = time.monotonic()
            response = Client().get("/plugins/slow/one")
            answers.append((response.status_code, response.headers.get("Retry-After"), time.monotonic() - started))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    time.sleep(1.5)
    assert Client().get("/plugins/canary/sing").content == b'"tweet"'
    for thread in threads:
        thread.join()
    return answers


def test_hp_34_of_fifty_slow_calls_four_run_and_the_rest_is_unavailable_at_once(settings: Settings) -> None:
    settings.WASM_PLUGINS_ROUTE_DEADLINE_MS = 4_000
    put_up()
    Client().get("/plugins/canary/sing")
    answers = call_at_once(CALLS)
    assert Counter(status for status, _, _ in answers) == {504: 4, 503: CALLS - 4}
    refused = [(retry, took_s) for status, retry, took_s in answers if status == 503]
    assert {retry for retry, _ in refused} == {"1"}
    assert max(took_s for _, took_s in refused) < 3.5


def test_hp_34_a_plugin_may_have_a_limit_of_its_own(settings: Settings) -> None:
    settings.WASM_PLUGINS_ROUTE_DEADLINE_MS = 3_000
    Plugin.objects.filter(pk=put_up().pk).update(limits={"concurrent_calls": 1})
    mark_changed()
    assert Counter(status for status, _, _ in call_at_once(6)) == {504: 1, 503: 5}
