"""Plugins that send requests while a transaction is open, which would hold its locks as long as a peer likes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from pytest_django import Settings

from project.shop.models import Product
from tests.fetching import FETCHER, get, granted
from tests.installed import install, tables
from tests.peers import OK, Peer, says
from wasm_plugins import get_plugin_manager, lifecycle
from wasm_plugins.host.session import Session
from wasm_plugins.models import Plugin, TaskRun
from wasm_plugins.tasks import perform_run, request_run

pytestmark = pytest.mark.django_db(databases=["default", "sqlite"], transaction=True)

DENIED = {"error": "HttpRequestDenied"}
SELECT = {"sql": "SELECT sku FROM shop_product"}
LOCK = {"sql": "SELECT sku FROM shop_product FOR UPDATE"}
UPDATE = {"sql": "UPDATE shop_product SET stock = 0 WHERE sku = 'mine'"}
BEGIN = {"begin": True}


@pytest.fixture
def peer(settings: Settings) -> Iterator[Peer]:
    settings.WASM_PLUGINS_HTTP_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    with Peer(says(OK)) as peer:
        yield peer


def installed(peer: Peer, **flags: bool) -> Plugin:
    return install(FETCHER, grants={**granted(peer.url, **flags), **tables(shop_product=["select", "update"])})


def request_to(peer: Peer) -> dict[str, Any]:
    return get(f"127.0.0.1:{peer.port}")


def in_task(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    answer = get_plugin_manager().execute_task("fetcher/fetch", {"steps": list(steps)})
    assert answer is not None
    outcomes: list[dict[str, Any]] = json.loads(answer)
    return outcomes


def in_hook(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    (answer,) = get_plugin_manager().call_hook_dynamic("fetch-now", json.dumps({"steps": list(steps)})).values
    outcomes: list[dict[str, Any]] = json.loads(answer)
    return outcomes


@pytest.mark.parametrize("before", [SELECT, LOCK, UPDATE, BEGIN])
def test_hp_31_a_request_after_the_database_was_used_is_denied(peer: Peer, before: dict[str, Any]) -> None:
    installed(peer)
    assert in_task(before, request_to(peer))[-1] == DENIED
    assert peer.received == []


def test_hp_31_a_request_before_the_database_is_used_is_sent(peer: Peer) -> None:
    installed(peer)
    first, _, then = in_task(request_to(peer), SELECT, request_to(peer))
    assert (first["body"], then) == ("hello", DENIED)


def test_hp_31_a_request_from_a_hook_is_denied_whatever_its_caller_did(peer: Peer) -> None:
    installed(peer)
    assert in_hook(request_to(peer)) == [DENIED]
    with transaction.atomic():
        Product.objects.filter(sku="mine").update(stock=1)
        assert in_hook(request_to(peer)) == [DENIED]
    assert peer.received == []


def test_hp_31_a_task_inside_somebody_elses_transaction_is_denied(peer: Peer) -> None:
    installed(peer)
    with transaction.atomic():
        Product.objects.filter(sku="mine").update(stock=1)
        assert in_task(request_to(peer)) == [DENIED]
    with transaction.atomic(using="sqlite"):
        assert in_task(request_to(peer)) == [DENIED]
    assert peer.received == []


def test_hp_31_where_the_admin_allowed_it_a_request_is_sent_in_a_transaction(peer: Peer) -> None:
    installed(peer, in_transaction=True)
    assert [outcome.get("status") for outcome in in_task(UPDATE, request_to(peer))] == [None, 200]
    with transaction.atomic():
        assert in_hook(request_to(peer))[0]["status"] == 200


def test_hp_31_the_plugins_log_says_why(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    installed(peer)
    in_hook(request_to(peer))
    lines = [record.getMessage() for record in caplog.records if record.name == "wasm_plugins.plugin"]
    assert any("in_transaction" in line and peer.url in line for line in lines)


def test_hp_31_a_route_is_like_a_task(peer: Peer, client: Client) -> None:
    plugin = installed(peer)
    plugin.routes.update(access="public")
    lifecycle.disable(plugin)
    lifecycle.enable(plugin)
    body = {"steps": [request_to(peer), UPDATE, request_to(peer)]}
    response = client.post("/plugins/fetcher/fetch", body, content_type="application/json")
    first, _, then = response.json()
    assert (first["body"], then) == ("hello", DENIED)


def test_hp_31_a_run_in_a_worker_is_like_a_task(peer: Peer, rq_queue: str) -> None:
    installed(peer)
    steps = {"steps": [request_to(peer), SELECT, request_to(peer)]}
    run = request_run(plugin="fetcher", handler="fetch", input_text=json.dumps(steps))
    perform_run(str(uuid.UUID(str(run.pk))))
    run = TaskRun.objects.get(pk=run.pk)
    assert run.status == "finished", run.error
    first, _, then = json.loads(run.result)
    assert (first["body"], then) == ("hello", DENIED)


def test_hp_31_on_sqlite_a_transaction_always_counts_as_one_that_holds_the_lock() -> None:
    assert Session("default", owns_transaction=True, held_nothing=True).holds_nothing
    assert not Session("sqlite", owns_transaction=True, held_nothing=True).holds_nothing
    assert not Session("default", owns_transaction=False, held_nothing=True).holds_nothing
    assert not Session("default", owns_transaction=True).holds_nothing
