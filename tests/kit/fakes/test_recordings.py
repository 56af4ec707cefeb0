"""Recorded HTTP: which requests of a plugin are answered, which are not, and what a file may say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fetching import FETCHER, get
from tests.kit.plugins import kit
from wasm_plugins.host.http import exchange
from wasm_plugins.kit.failures import Usage
from wasm_plugins.kit.fakes import http
from wasm_plugins.kit.fakes.recordings import read_recordings, recording
from wasm_plugins.kit.loaded_plugin import load_plugin
from wasm_plugins.kit.pack import pack
from wasm_plugins.kit.plugin_host import PluginHost

API = "https://api.example.com"
TOML = """
[capabilities.http]
hosts = ["https://api.example.com"]
[capabilities.database.tables]
t = ["insert"]
"""
SECURE = {"scheme": "https"}


@pytest.fixture
def fetcher(tmp_path: Path) -> Path:
    """Write the plugin that sends what a test says, and return where it is."""
    path = tmp_path / "fetcher.wasm"
    path.write_bytes(pack(FETCHER, TOML.encode()))
    return path


@pytest.fixture
def host(fetcher: Path) -> Iterator[PluginHost]:
    """Host that plugin."""
    found = PluginHost(load_plugin(fetcher))
    found.limits["deadline_ms"] = 20_000
    yield found
    found.close()


def _fetch(host: PluginHost, *steps: dict[str, Any]) -> list[dict[str, Any]]:
    outcomes: list[dict[str, Any]] = host.run_task("fetch", {"steps": steps}).answer
    return outcomes


def test_a_recorded_answer_arrives_whole_and_the_request_is_told(host: PluginHost) -> None:
    host.record_http("GET", f"{API}/rates?base=*", status=203, body={"EUR": 1.5}, headers={"ETag": "7"})
    call = host.run_task("fetch", {"steps": [get("API.example.com", "/rates?base=USD", **SECURE)]})
    (outcome,) = call.answer
    assert (outcome["status"], json.loads(outcome["body"])) == (203, {"EUR": 1.5})
    (sent,) = call.http
    assert (sent.method, sent.url, sent.body, sent.outcome) == ("GET", f"{API}/rates?base=USD", b"", "203")
    assert call.used["http_requests"] == (1, 8)
    assert call.log == []


def test_a_request_that_is_not_recorded_is_an_error_of_the_plugins_and_shown(host: PluginHost) -> None:
    host.record_http("POST", f"{API}/rates")
    call = host.run_task("fetch", {"steps": [get("api.example.com", "/rates", **SECURE)]})
    assert "status" not in call.answer[0]
    assert [sent.outcome for sent in call.http] == [http.NOT_RECORDED]
    assert "not recorded" in call.log[0].text
    assert f"GET {API}/rates" in call.log[0].text


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (get("evil.example.com", **SECURE), "HTTP-request-denied"),
        (get("api.example.com"), "HTTP-request-denied"),
        (get("api.example.com:8443", **SECURE), "HTTP-request-denied"),
        (get("user@api.example.com", **SECURE), "HTTP-request-denied"),
        (get("api.example.com", method="TRACE", **SECURE), "HTTP-request-method-invalid"),
    ],
)
def test_scopes_hold_as_on_the_host_whatever_is_recorded(step: dict[str, Any], outcome: str, host: PluginHost) -> None:
    for method in ("GET", "TRACE"):
        host.record_http(method, "https://*/")
        host.record_http(method, "http://*/")
    call = host.run_task("fetch", {"steps": [step]})
    assert "status" not in call.answer[0]
    assert [sent.outcome for sent in call.http] in ([outcome], [])
    if call.http:
        assert call.log


def test_no_request_is_sent_while_a_transaction_holds_locks(host: PluginHost) -> None:
    host.use_database("CREATE TABLE t (id INTEGER)")
    host.record_http("GET", f"{API}/", body="hello")
    step = get("api.example.com", **SECURE)
    first, _, second = _fetch(host, step, {"begin": True}, step)
    assert first["status"] == 200
    assert "status" not in second
    hook = host.call_hook("fetch-now", json.dumps({"steps": [step]}))  # inside its caller's transaction
    assert [sent.outcome for sent in hook.http] == ["HTTP-request-denied"]


def test_the_first_that_matches_counts_as_often_as_it_says(host: PluginHost) -> None:
    host.record_http("GET", f"{API}/", status=503, times=2)
    host.record_http("GET", f"{API}/", status=200)
    host.record_http("GET", f"{API}/", status=404)
    step = get("api.example.com", **SECURE)
    assert [each["status"] for each in _fetch(host, step, step, step, step)] == [503, 503, 200, 200]


def test_an_error_may_be_recorded_and_a_body_over_the_limit_is_one(host: PluginHost) -> None:
    host.record_http("GET", f"{API}/slow", error="connection-timeout")
    host.record_http("GET", f"{API}/large", body=b"x" * (1024 * 1024 + 1))
    steps = [get("api.example.com", path, **SECURE) for path in ("/slow", "/large")]
    call = host.run_task("fetch", {"steps": steps})
    assert [sent.outcome for sent in call.http] == ["connection-timeout", "HTTP-response-body-size"]


def test_what_is_sent_is_matched_by_headers_and_body_too() -> None:
    request = {"method": "POST", "url": f"{API}/", "headers": {"X-Key": "1"}, "body": {"a": 1}}
    found = recording({"request": request, "response": {}}, "here")
    assert found.matches("post", f"{API}/", {"x-key": "1", "other": "2"}, b'{ "a": 1 }')
    assert not found.matches("GET", f"{API}/", {"x-key": "1"}, b'{"a": 1}')
    assert not found.matches("POST", f"{API}/x", {"x-key": "1"}, b'{"a": 1}')
    assert not found.matches("POST", f"{API}/", {"x-key": "2"}, b'{"a": 1}')
    assert not found.matches("POST", f"{API}/", {"x-key": "1"}, b"no json")
    text = recording({"request": {"url": f"{API}/", "body": "x"}, "response": {}}, "here")
    assert text.matches("GET", f"{API}/", {}, b"x")
    assert not text.matches("GET", f"{API}/", {}, b"y")


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("{", "http.json"),
        ("{}", "array"),
        ("[1]", "entry 1"),
        ('[{"request": {"url": "https://a/"}, "response": {}, "status": 200}]', "'status'"),
        ('[{"request": {"url": "https://a/", "verb": "GET"}, "response": {}}]', "'verb'"),
        ('[{"request": {"url": "a/b"}, "response": {}}]', "url"),
        ('[{"request": {"url": "https://a"}, "response": {}}]', "url"),
        ('[{"request": {}, "response": {}}]', "url"),
        ('[{"request": {"url": "https://a/", "method": 1}, "response": {}}]', "method"),
        ('[{"request": {"url": "https://a/"}}]', "either"),
        ('[{"request": {"url": "https://a/"}, "response": {}, "error": "connection-timeout"}]', "either"),
        ('[{"request": {"url": "https://a/"}, "error": "no-such-error"}]', "error"),
        ('[{"request": {"url": "https://a/"}, "error": ["x"]}]', "error"),
        ('[{"request": {"url": "https://a/"}, "response": {"status": 99}}]', "status"),
        ('[{"request": {"url": "https://a/"}, "response": {"status": true}}]', "status"),
        ('[{"request": {"url": "https://a/"}, "response": {"headers": {"a": 1}}}]', "a: it must be a text"),
        ('[{"request": {"url": "https://a/"}, "response": {"headers": []}}]', "headers"),
        ('[{"request": {"url": "https://a/"}, "response": {}, "times": 0}]', "times"),
        ('[{"request": {"url": "https://a/"}, "response": {}}, {}]', "entry 2"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_the_place(text: str, about: str, tmp_path: Path) -> None:
    (tmp_path / "http.json").write_text(text)
    with pytest.raises(Usage) as refused:
        read_recordings(tmp_path / "http.json")
    assert "http.json" in str(refused.value)
    assert about in str(refused.value)


def test_methods_that_the_host_forbids_are_forbidden() -> None:
    assert http.FORBIDDEN_METHODS == exchange._FORBIDDEN_METHODS


def test_call_answers_from_a_file_each_time_anew(
    fetcher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {"request": {"url": f"{API}/"}, "response": {"body": "hello"}, "times": 1}
    (tmp_path / "http.json").write_text(json.dumps([entry]))
    asked = json.dumps({"steps": [get("api.example.com", **SECURE)]})
    call = ["call", fetcher, "task", "fetch", asked]
    report = kit(capsys, *call, "--http", tmp_path / "http.json")  # made again to measure memory
    assert [each["status"] for each in report["answer"]] == [200]
    assert report["host_calls"] == [{"function": http.HANDLE, "args": [f"GET {API}/"], "answer": "200"}]
    assert "status" not in kit(capsys, *call)["answer"][0]
    (tmp_path / "http.json").write_text("{}")
    assert kit(capsys, *call, "--http", tmp_path / "http.json", status=2)["error"]["code"] == "usage"
