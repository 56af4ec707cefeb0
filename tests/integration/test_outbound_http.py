"""A component of a real toolchain that sends requests: what it asks for, what an admin grants, what it gets."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.fetching import FETCHER, get, granted
from tests.installed import install, tables
from tests.peers import OK, Peer, says
from wasm_plugins import get_plugin_manager, lifecycle
from wasm_plugins.admin.offers import offer_of
from wasm_plugins.exceptions import CapabilityDenied
from wasm_plugins.models import Plugin
from wasm_plugins.runtime.sections import append_section
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db(transaction=True)

TOML = '[capabilities.http]\nhosts = ["https://api.example.com", "https://*.example.org"]\n'


@pytest.fixture
def peer(settings: Settings) -> Iterator[Peer]:
    settings.WASM_PLUGINS_HTTP_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    with Peer(says(OK)) as peer:
        yield peer


def asking(toml: str = TOML) -> bytes:
    return append_section(FETCHER, "plugin.toml", toml.encode())


def test_it_waits_for_the_capability() -> None:
    version = record_upload(FETCHER)
    assert version.state == "verified", version.problem
    with pytest.raises(CapabilityDenied) as caught:
        lifecycle.enable(version.plugin)
    assert caught.value.missing == "database, http"


def test_an_admin_sees_the_hosts_that_it_asks_for() -> None:
    version = record_upload(asking())
    (wish,) = [each for each in offer_of(version.plugin, version).wishes if each.capability == "http"]
    assert (wish.scope, wish.is_granted) == ("https://api.example.com, https://*.example.org", False)
    lifecycle.grant(version.plugin, "http", {"hosts": ["https://api.example.com", "https://*.example.org:443"]})
    (wish,) = [each for each in offer_of(_fresh(version.plugin), version).wishes if each.capability == "http"]
    assert (wish.is_granted, wish.is_covered) == (True, True)


def test_what_goes_beyond_hosts_is_said_in_words() -> None:
    version = record_upload(asking(TOML + "in_transaction = true\nprivate = true\n"))
    (wish,) = [each for each in offer_of(version.plugin, version).wishes if each.capability == "http"]
    assert wish.scope.startswith("also in private networks; also while a transaction is open; ")
    lifecycle.grant(version.plugin, "http", {"hosts": ["https://api.example.com", "https://*.example.org"]})
    (wish,) = [each for each in offer_of(_fresh(version.plugin), version).wishes if each.capability == "http"]
    assert not wish.is_covered


def test_a_task_gets_what_the_host_answered(peer: Peer) -> None:
    install(FETCHER, grants={**granted(peer.url), **tables()})
    steps = [get(f"127.0.0.1:{peer.port}", "/a?b=c", headers=[["Accept", "text/plain"]])]
    answer = get_plugin_manager().execute_task("fetcher/fetch", {"steps": steps})
    assert answer is not None
    (outcome,) = json.loads(answer)
    assert (outcome["status"], outcome["body"]) == (200, "hello")
    assert peer.received[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")


def test_a_grant_that_was_taken_back_ends_it_at_once(peer: Peer) -> None:
    plugin = install(FETCHER, grants={**granted(peer.url), **tables()})
    lifecycle.grant(plugin, "http", {"hosts": []})
    get_plugin_manager().reload()
    answer = get_plugin_manager().execute_task("fetcher/fetch", {"steps": [get(f"127.0.0.1:{peer.port}")]})
    assert json.loads(str(answer)) == [{"error": "HttpRequestDenied"}]


def _fresh(plugin: Plugin) -> Plugin:
    return Plugin.objects.get(pk=plugin.pk)
