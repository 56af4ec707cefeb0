"""``wasm-plugins upload`` against a real server and a real bucket, and where the token may and may not go."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from project.stack.s3 import S3Plan
from tests.api.asked import AUTHOR, user_with
from tests.components import plugin_component
from tests.host.http.test_transport import CERTIFICATE, serving
from tests.kit.plugins import greeter, kit
from tests.peers import Peer, says
from wasm_plugins.kit import http_exchange, sending
from wasm_plugins.kit.__main__ import main
from wasm_plugins.kit.failures import KitError, Usage
from wasm_plugins.kit.server import Server
from wasm_plugins.models import PluginVersion
from wasm_plugins.sync import sync
from wasm_plugins.tokens import make_token

TOKEN = f"wpt_{'0' * 16}_{'0' * 64}"


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    """A token in the environment that no server knows."""
    monkeypatch.setenv("WASM_PLUGINS_TOKEN", TOKEN)
    return TOKEN


@pytest.mark.django_db(transaction=True)
def test_a_plugin_travels_to_a_server_which_says_what_it_found(
    live_server: LiveServer, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = make_token(user_with(*AUTHOR), "laptop", plugins=["greeter"])
    (here / "token").write_text(f"{secret.reveal()}\n")
    (here / "token").chmod(0o600)
    plugin = greeter(here)
    own = ["--server", live_server.url, "--token-file", "token"]
    answer = kit(capsys, "upload", plugin, *own)
    version = PluginVersion.objects.get()
    assert (answer["report"]["digest"], answer["report"]["version"], answer["is_new"]) == (version.digest, 1, True)
    assert answer["state"] == "off"
    assert main(["upload", str(plugin), *own]) == 0
    shown = capsys.readouterr().out
    assert "version 1, which it had already" in shown
    assert "it is not called: it is off" in shown
    assert f"  {live_server.url}/plugins/greeter/echo" in shown

    other = here / "other.wasm"
    other.write_bytes(plugin_component("other", hooks={}))
    refused = kit(capsys, "upload", other, *own, status=1)
    assert refused["error"]["code"] == "not-allowed"
    monkeypatch.setenv("WASM_PLUGINS_TOKEN", TOKEN)
    refused = kit(capsys, "upload", plugin, "--server", live_server.url, status=1)
    assert refused["error"]["code"] == "token-refused"


@pytest.mark.django_db
def test_a_plugin_lies_in_a_bucket_where_the_next_sync_finds_it(
    s3_storage: S3Plan, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_storage.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_storage.secret_key)
    own = ["--endpoint-url", s3_storage.endpoint]
    put = kit(capsys, "upload", greeter(here), "--s3", s3_storage.bucket, *own)
    assert (put["bucket"], put["key"], put["plugin"]) == (s3_storage.bucket, "plugins/greeter.wasm", "greeter")
    sync()
    assert PluginVersion.objects.get().digest == put["digest"]
    below = kit(capsys, "upload", greeter(here), "--s3", f"{s3_storage.bucket}/of/shop/", *own)
    assert below["key"] == "of/shop/plugins/greeter.wasm"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none of this server's")
    refused = kit(capsys, "upload", greeter(here), "--s3", s3_storage.bucket, *own, status=1)
    assert refused["error"]["code"] == "kit-error"


def test_what_a_host_would_refuse_travels_nowhere(token: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "page.wasm").write_bytes(b"<html>")
    with _answering(lambda request: None) as (url, seen):
        assert kit(capsys, "upload", "page.wasm", "--server", url, status=1)["error"]["code"] == "compile-error"
    assert seen == []


# The token


@pytest.mark.parametrize(
    "url",
    ["http://shop.example/", "http://10.0.0.1:8000", "http://localhost.evil.example", "http://127.0.0.1.evil.example"],
)
def test_a_token_travels_encrypted_or_not_at_all(url: str) -> None:
    with pytest.raises(Usage):
        Server(url, TOKEN)
    Server(url, TOKEN, may_be_plain=True)
    Server(url.replace("http:", "https:"), TOKEN)


@pytest.mark.parametrize(
    "url", ["http://localhost:8000", "http://127.0.0.1", "http://127.9.9.9/api/", "http://[::1]:80"]
)
def test_on_this_machine_a_token_may_travel_as_it_is(url: str) -> None:
    assert TOKEN not in repr(vars(Server(url, TOKEN))["_base"])


@pytest.mark.parametrize(
    "url",
    [
        "shop.example",
        "ftp://shop.example",
        "https://",
        "https://a:b@shop.example",
        "https://x/?a=b",
        "https://x:99999",
        "https://x y",
        "https://a..example",
        f"https://{'ü' * 60}.example",
    ],
)
def test_an_address_is_one_of_a_server(url: str) -> None:
    with pytest.raises(Usage):
        Server(url, TOKEN)


@pytest.mark.parametrize(("given", "base"), [("", "/plugins-api/"), ("/", "/plugins-api/"), ("/a/b", "/a/b/")])
def test_an_address_without_a_path_means_the_usual_one(given: str, base: str) -> None:
    assert Server(f"https://shop.example{given}", TOKEN)._base == base


def test_a_token_comes_from_a_file_of_ones_own_or_the_environment_and_is_never_printed(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WASM_PLUGINS_TOKEN", raising=False)
    upload = ["upload", greeter(here), "--server", "http://127.0.0.1:9"]
    assert kit(capsys, *upload, status=2)["error"]["code"] == "usage"
    file = here / "token"
    file.write_text(TOKEN)
    for mode, status in ((0o644, 2), (0o640, 2), (0o600, 1)):
        file.chmod(mode)
        told = kit(capsys, *upload, "--token-file", file, status=status)
        assert TOKEN not in json.dumps(told)
    assert told["error"]["code"] == "server-unreachable"
    for wrong in ("short", "with blanks in the middle of it", "x" * 600, "new\r\nX-Header: line-in-the-middle"):
        monkeypatch.setenv("WASM_PLUGINS_TOKEN", wrong)
        assert kit(capsys, *upload, status=2)["error"]["code"] == "usage"


# Servers that are none, or answer badly


class _Quiet(BaseHTTPRequestHandler):
    answer: Callable[[Any], None]
    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.headers["Authorization"])
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        type(self).answer(self)

    do_PUT = do_GET

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def _answering(answer: Callable[[Any], None]) -> Iterator[tuple[str, list[str]]]:
    seen: list[str] = []
    handler = type("Handler", (_Quiet,), {"answer": staticmethod(answer), "seen": seen})
    with HTTPServer(("127.0.0.1", 0), handler) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{found.server_port}", seen
        finally:
            found.shutdown()
            thread.join()


def _says(status: int, body: bytes, **headers: str) -> Callable[[Any], None]:
    def answer(request: Any) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return answer


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (_says(200, b"<html>"), "kit-error"),
        (_says(200, b"[]"), "kit-error"),
        (_says(200, b"{}"), "kit-error"),
        (_says(302, b"", Location="https://evil.example/"), "kit-error"),
        (_says(500, b'{"error": "no"}'), "server-error"),
        (_says(403, b'{"error": {"code": "not-allowed", "message": "no"}}'), "not-allowed"),
        (_says(200, b'{"x": "' + b"x" * 5_000_000), "server-unreachable"),
        (lambda request: request.wfile.write(b"\x00nonsense\r\n\r\n"), "server-unreachable"),
    ],
)
def test_what_no_server_of_this_app_answers_is_one_error(answer: Callable[[Any], None], code: str) -> None:
    with _answering(answer) as (url, seen), pytest.raises(Exception) as caught:
        Server(url, TOKEN).whoami()
    assert getattr(caught.value, "code", "") == code
    assert seen == [f"Bearer {TOKEN}"]  # and no redirect was followed with it


@pytest.mark.parametrize("report", [None, [], "x", {}, {"version": 1}, {"size_bytes": "x", "findings": 5}])
def test_an_answer_in_another_shape_is_one_error(
    token: str, here: Path, capsys: pytest.CaptureFixture[str], report: Any
) -> None:
    standing = {"state": "off", "is_enabled": False, "not_called": "", "waiting_version": None}
    plugin = greeter(here)
    with _answering(_says(200, json.dumps({"report": report, "is_new": True, **standing}).encode())) as (url, _):
        assert kit(capsys, "upload", plugin, "--server", url, status=1)["error"]["code"] == "kit-error"
        assert main(["upload", str(plugin), "--server", url]) == 1


def test_over_https_a_token_goes_to_whoever_proves_to_be_the_server_and_to_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **options: real("127.0.0.1", *more, **options))
    with Peer(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), tls=serving()) as peer:
        with pytest.raises(http_exchange.Unreachable):
            Server(f"https://api.test:{peer.port}", TOKEN).whoami()
        monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)
        with pytest.raises(http_exchange.Unreachable):
            Server(f"https://other.test:{peer.port}", TOKEN).whoami()
        assert peer.received == []
        with pytest.raises(KitError, match="lacks now"):
            Server(f"https://api.test:{peer.port}", TOKEN).whoami()
        assert f"Authorization: Bearer {TOKEN}".encode() in peer.received[0]


def test_a_server_that_answers_a_byte_now_and_then_meets_the_deadline() -> None:
    ended = threading.Event()
    too_late = threading.Timer(10, ended.set)  # or a broken deadline would have this test wait for ever
    too_late.start()

    def drip(request: Any) -> None:
        while not ended.wait(0.1):
            try:
                request.wfile.write(b"H")
            except OSError:
                return

    with _answering(drip) as (url, _), pytest.raises(http_exchange.Unreachable):
        try:
            Server(url, TOKEN)._ask("GET", "token/", deadline_s=0.6)
        finally:
            was_in_time = not ended.is_set()
            ended.set()
            too_late.cancel()
            too_late.join()
    assert was_in_time


def test_how_far_an_upload_is_is_said_if_it_takes_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with sending.sending("quick", 100) as shown:
        shown.sent(50)
        shown.sent(100)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sending, "_PATIENCE_S", 0.0)
    with sending.sending("slow", 2_000_000) as shown:
        monkeypatch.setattr(sending, "_EVERY_S", 0.0)
        shown.more(1_000_000)
        shown.more(1_000_000)
        assert shown._waiting is not None
        shown._waiting.join()
    assert capsys.readouterr().err.splitlines() == [
        "uploading slow: 1.0 MB of 2.0 MB",
        "slow is sent; the server checks it …",
    ]
