"""One exchange with a real peer: certificates, timeouts, malformed answers, and nothing of the environment."""

from __future__ import annotations

import socket
import ssl
import sys
import time
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from tests.peers import OK, Names, Peer, at_most, is_silent, says
from wasm_plugins.host.http import exchange
from wasm_plugins.host.http.bounds import Bounds, Patience
from wasm_plugins.host.http.transport import Transport
from wasm_plugins.runtime.wasi.http_types import HttpAnswer, HttpFailed, HttpRequest
from wasm_plugins.scopes.origins import Origin

CERTIFICATES = Path(__file__).parent / "certificates"
CERTIFICATE = str(CERTIFICATES / "api.test.pem")


def serving() -> ssl.SSLContext:
    """Return the context of a server that proves to be ``api.test`` to whoever trusts the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, str(CERTIFICATES / "api.test.key.pem"))
    return context


def send(
    port: int,
    *,
    host: str = "api.test",
    scheme: str = "http",
    addresses: list[str] | None = None,
    trusted: ssl.SSLContext | None = None,
    patience: Patience | None = None,
    **request: Any,
) -> HttpAnswer:
    defaults: dict[str, Any] = {"method": "GET", "target": "/", "headers": (), "body": b""}
    described = HttpRequest(scheme=scheme, authority=host, **{**defaults, **request})
    bounds = Bounds(
        plugin="fetcher",
        patience=patience or Patience(deadline_at=time.monotonic() + 10, connect_s=5),
        response_bytes=1_000,
        private=[ip_network("127.0.0.0/8")],
    )
    transport = Transport(resolver=Names(addresses or ["127.0.0.1"]), ssl_context=trusted)
    return transport.send(Origin(scheme, host, port), described, bounds)


def failure(port: int, **kwargs: Any) -> str:
    with pytest.raises(HttpFailed) as caught:
        send(port, **kwargs)
    return caught.value.error.case


def test_a_host_that_proves_itself_is_spoken_to_under_its_name() -> None:
    with Peer(says(OK), tls=serving()) as peer:
        answer = send(peer.port, scheme="https", trusted=ssl.create_default_context(cafile=CERTIFICATE))
        assert (answer.status, answer.body) == (200, b"hello")
        assert f"Host: api.test:{peer.port}".encode() in peer.received[0]


@pytest.mark.parametrize("host", ["other.test", "127.0.0.1"])
def test_a_host_that_proves_to_be_another_one_is_refused(host: str) -> None:
    with Peer(says(OK), tls=serving()) as peer:
        trusted = ssl.create_default_context(cafile=CERTIFICATE)
        assert failure(peer.port, host=host, scheme="https", trusted=trusted) == "TLS-certificate-error"
        assert peer.received == []


def test_a_certificate_that_the_system_does_not_trust_is_refused() -> None:
    with Peer(says(OK), tls=serving()) as peer:
        assert failure(peer.port, scheme="https") == "TLS-certificate-error"
        assert peer.received == []


def test_a_peer_without_encryption_is_no_https() -> None:
    with Peer(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), listens=False) as peer:
        assert failure(peer.port, scheme="https") == "TLS-protocol-error"


def test_a_peer_that_never_agrees_on_encryption_ends_at_the_time_for_connecting() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    with listening, at_most(5):
        patience = Patience(deadline_at=time.monotonic() + 10, connect_s=0.3)
        assert failure(listening.getsockname()[1], scheme="https", patience=patience) == "connection-timeout"


def test_the_next_address_is_tried_when_one_refuses() -> None:
    with Peer(says(OK)) as peer:
        assert send(peer.port, addresses=["127.0.0.2", "127.0.0.1"]).status == 200


def test_nobody_there_is_a_refused_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert failure(port) == "connection-refused"


def test_no_time_left_is_no_connection() -> None:
    with Peer(says(OK)) as peer:
        over = Patience(deadline_at=time.monotonic() - 1, connect_s=5)
        assert failure(peer.port, host="127.0.0.1", patience=over) == "connection-timeout"
        assert failure(peer.port, patience=over) == "DNS-timeout"
        assert peer.received == []


def test_the_plugins_own_timeouts_shorten_the_hosts() -> None:
    with Peer(is_silent) as peer, at_most(4):
        patience = Patience(deadline_at=time.monotonic() + 10, connect_s=5, first_byte_s=0.2)
        assert failure(peer.port, patience=patience) == "HTTP-response-timeout"


def test_a_peer_that_reads_nothing_ends_at_the_deadline() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    with listening, at_most(6):
        patience = Patience(deadline_at=time.monotonic() + 0.5, connect_s=5)
        body = bytes(64 * 1024 * 1024)
        case = failure(listening.getsockname()[1], patience=patience, method="POST", body=body)
        assert case == "connection-write-timeout"


@pytest.mark.parametrize(
    ("answer", "case"),
    [
        (b"", "HTTP-protocol-error"),
        (b"nonsense\r\n\r\n", "HTTP-protocol-error"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "HTTP-protocol-error"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello", "HTTP-protocol-error"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP-protocol-error"),
        (b"HTTP/1.1 200 OK\r\nX y: z\r\n\r\n", "HTTP-protocol-error"),
        (b"HTTP/1.1 999 What\r\n\r\n", "HTTP-protocol-error"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", "HTTP-protocol-error"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "HTTP-response-incomplete"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "HTTP-response-incomplete"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "HTTP-response-incomplete"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n", "HTTP-response-header-section-size"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_001, "HTTP-response-body-size"),
    ],
)
def test_a_malformed_answer_is_an_error(answer: bytes, case: str) -> None:
    with Peer(says(answer)) as peer:
        assert failure(peer.port) == case


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Trailer: y\r\n\r\n", b"ok"),
    ],
)
def test_a_wellformed_answer_is_read_whole(answer: bytes, body: bytes) -> None:
    with Peer(says(answer)) as peer:
        assert send(peer.port).body == body


def test_an_answer_to_head_has_no_body() -> None:
    with Peer(says(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")) as peer:
        assert send(peer.port, method="HEAD").body == b""


def test_headers_of_the_connection_stay_with_the_host() -> None:
    fields = b"Connection: close\r\nX-A: 1\r\nKeep-Alive: 9\r\nContent-Length: 0\r\n"
    with Peer(says(b"HTTP/1.1 200 OK\r\n", fields, b"\r\n")) as peer:
        assert dict(send(peer.port).headers) == {"X-A": b"1", "Content-Length": b"0"}


def test_a_post_without_a_body_says_so() -> None:
    with Peer(says(OK)) as peer:
        send(peer.port, method="POST")
        assert b"\r\nContent-Length: 0\r\n" in peer.received[0]


def test_what_the_environment_says_of_proxies_and_passwords_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine api.test login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Peer(says(OK)) as peer:
        assert send(peer.port).status == 200
        assert b"uthorization" not in peer.received[0]


def test_without_its_library_every_request_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("transport", "network"):
        monkeypatch.delitem(sys.modules, f"wasm_plugins.host.http.{name}")
    monkeypatch.setitem(sys.modules, "httpcore", None)
    with pytest.raises(HttpFailed) as caught:
        exchange._transport.__wrapped__()
    assert caught.value.error.case == "configuration-error"
