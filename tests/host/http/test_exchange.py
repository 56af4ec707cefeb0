"""What the project's own log and the plugin's log say about a request."""

from __future__ import annotations

import logging

import pytest
from pytest_django import Settings

from tests.fetching import fetch, get, granted
from tests.peers import OK, Names, Peer, says
from wasm_plugins.host.http.transport import Transport
from wasm_plugins.runtime.log import CallLog


@pytest.fixture(autouse=True)
def loopback_is_open(settings: Settings) -> None:
    """Let plugins whose grant says ``private`` reach this machine, where the peers are."""
    settings.WASM_PLUGINS_HTTP_PRIVATE_NETWORKS = ["127.0.0.0/8"]


def test_the_log_has_host_and_status_and_nothing_that_could_be_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "wasm_plugins")
    with Peer(says(OK)) as peer:
        step = get(
            f"a.test:{peer.port}",
            "/path-secret?token=query-secret",
            method="POST",
            body="body-secret",
            headers=[["Authorization", "header-secret"]],
        )
        fetch(step, grants=granted(f"http://a.test:{peer.port}"), transport=Transport(resolver=Names(["127.0.0.1"])))
        (record,) = [each for each in caplog.records if each.name == "wasm_plugins.http"]
        assert record.getMessage().startswith(f"fetcher 1: POST http://a.test:{peer.port}: 200 after ")
    assert "secret" not in caplog.text


def test_a_denied_request_is_a_warning_without_what_the_plugin_wrote(caplog: pytest.LogCaptureFixture) -> None:
    fetch(get("evil\nline@secret"), grants=granted("http://a.test"))
    (record,) = [each for each in caplog.records if each.name == "wasm_plugins.http"]
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("fetcher 1: GET ?: HTTP-request-denied after ")


def test_a_denied_host_is_named(caplog: pytest.LogCaptureFixture) -> None:
    fetch(get("B.test", "/secret"), grants=granted("http://a.test"))
    (record,) = [each for each in caplog.records if each.name == "wasm_plugins.http"]
    assert record.getMessage().startswith("fetcher 1: GET http://b.test: HTTP-request-denied after ")


@pytest.mark.parametrize(
    ("grants", "word"),
    [({}, "not granted"), ({"http": {"hosts": 7}}, "cannot be read"), ({"http": {}}, "none of the hosts")],
)
def test_the_plugins_log_says_why_a_request_was_denied(grants: dict[str, object], word: str) -> None:
    log = CallLog(1_000)
    assert fetch(get("a.test"), grants=grants, log=log) == [{"error": "HttpRequestDenied"}]
    assert word in log.text()


def test_a_secret_in_a_host_or_a_method_is_not_in_the_projects_log(caplog: pytest.LogCaptureFixture) -> None:
    log = CallLog(1_000)
    log.redactor.hide("k3y-0f-somebody")
    fetch(get("k3y-0f-somebody.test", method="PUT"), grants=granted("http://a.test"), log=log)
    fetch(get("b.test", method="k3y-0f-somebody"), grants=granted("http://a.test"), log=log)
    said = [each.getMessage() for each in caplog.records if each.name == "wasm_plugins.http"]
    assert len(said) == 2 and not any("k3y-0f" in each for each in said)
