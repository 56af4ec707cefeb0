"""The hostile callers that a server between them and Django could change: through sockets, to a real gunicorn."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from project.stack.parts import Address, free_ports, private_folder
from project.stack.shop import Shop
from tests.components import echo, http_handler, json_handler, memory_dump, ok_response, plugin_component, route, trap

TOKEN = "c" * 32
PROVEN = f"Cookie: csrftoken={TOKEN}\r\nX-CSRFToken: {TOKEN}\r\n"
STEALING = [
    ("Set-Cookie", "sessionid=stolen"),
    ("Connection", "upgrade"),
    ("Upgrade", "websocket"),
    ("Transfer-Encoding", "chunked"),
    ("Content-Length", "2"),
    ("Server", "mine"),
    ("Strict-Transport-Security", "max-age=1"),
    ("Access-Control-Allow-Origin", "*"),
    ("Content-Type", "text/html"),
]
PUBLIC = 'methods = ["GET", "HEAD", "POST"]\naccess = "public"'


def hostile_component() -> bytes:
    """Return a plugin whose every route is open to everybody."""
    routes = [
        route("/pages/echo", json_handler(echo())),
        route("/pages/dump", http_handler(memory_dump())),
        route("/pages/stealing", http_handler(ok_response(200, "<script>", STEALING))),
        route("/pages/broken", http_handler(ok_response(200, "x", [("ETag", "a\r\nSet-Cookie: x=y")]))),
        route("/pages/switching", http_handler(ok_response(101, "x", [("Upgrade", "websocket")]))),
        route("/pages/never", json_handler(trap())),
        route("/pages/gone", http_handler(ok_response(204, "a body"))),
        route("/pages/away", http_handler(ok_response(302, "a body", [("Location", "//evil.example")]))),
    ]
    toml = "\n".join(f'[routes."{each.path}"]\n{PUBLIC}' for each in routes)
    return plugin_component("pages", routes=routes, toml=toml)


@dataclass
class Site:
    """A running site."""

    address: Address

    def send(self, data: bytes, *, timeout_s: float = 30) -> bytes:
        """Send bytes as they are, and return all that comes back until the server closes."""
        with socket.create_connection((self.address.host, self.address.port), timeout=timeout_s) as line:
            line.sendall(data)
            found = b""
            while piece := line.recv(65_536):
                found += piece
            return found

    def ask(self, method: str, target: str, headers: str = "", body: bytes = b"") -> tuple[int, bytes, bytes]:
        """Send a request with any target, and return status, head and body."""
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{length}{headers}\r\n"
        return parts(self.send(head.encode("utf-8", "surrogateescape") + body))


def parts(answer: bytes) -> tuple[int, bytes, bytes]:
    """Return status, head and body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), head, body


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The shop in one gunicorn process, on SQLite, with the plugin enabled."""
    with private_folder() as folder:
        shop = Shop(folder, {"SHOP_DATA": str(folder), "SHOP_DEBUG": "0", "SHOP_SECRET_KEY": "only-for-tests"})
        uploaded = Path(folder) / "pages.wasm"
        uploaded.write_bytes(hostile_component())
        shop.manage("migrate", "--verbosity=0")
        shop.manage("plugins", "upload", str(uploaded))
        shop.manage("plugins", "sync")
        shop.manage("plugins", "enable", "pages")
        address = Address(free_ports(1)[0])
        with shop.web(address, processes=1):
            yield Site(address)


def code_of(body: bytes) -> str:
    """Return the code of an error."""
    return str(json.loads(body)["error"]["code"])


def test_the_plugin_serves(site: Site) -> None:
    status, _, body = site.ask("GET", "/plugins/pages/echo?a=1")
    assert (status, json.loads(body)["request"]["query"]) == (200, {"a": ["1"]})


@pytest.mark.parametrize(
    "target",
    [
        "/plugins/x/../pages/never",
        "/plugins/x/%2e%2e/pages/never",
        "/plugins/pages/%2e/never",
        "/plugins/./pages/never",
        "/plugins//pages/never",
        "//plugins/pages/never",
        "/plugins/pages%2fnever",
        "/plugins/pages%2Fnever",
        "/plugins/pages%5cnever",
        "/plugins/pages\\never",
        "/plugins/pages/never%00",
        "/plugins/pages/never%ff",
        "/plugins/pages/never;x",
        "/plugins/pages/never%3bx",
        "/plugins/pages/never%E2%80%AE",
        "/plugins/pages/never/",
        "/plugins/Pages/never",
        "http://127.0.0.1/plugins/pages%2fnever",
    ],
    ids=ascii,
)
def test_hc_05_an_odd_path_is_404_by_the_host(site: Site, target: str) -> None:
    status, _, body = site.ask("GET", target)
    assert status == 404
    assert b"Traceback" not in body


def test_hc_05_a_path_that_is_no_address_does_not_get_past_the_server(site: Site) -> None:
    head = "GET /plugins/pages/\u202enever HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    assert parts(site.send(head.encode()))[0] in (400, 404)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "FOO", "PUT", "DELETE", "PATCH", "CONNECT"])
def test_hc_07_an_undeclared_method_is_405(site: Site, method: str) -> None:
    status, head, body = site.ask(method, "/plugins/pages/never", PROVEN)
    assert (status, code_of(body)) == (405, "method-not-allowed")
    assert b"Allow: GET, HEAD, POST" in head


def test_hc_07_a_declared_head_has_no_body(site: Site) -> None:
    status, _, body = site.ask("HEAD", "/plugins/pages/echo")
    assert (status, body) == (200, b"")


def test_hc_01_headers_that_name_a_user_reach_no_plugin(site: Site) -> None:
    spoofed = "".join(
        f"{name}: spoofed-root\r\n"
        for name in ("X-Remote-User", "Remote-User", "Remote_User", "X-Forwarded-User", "X-Plugin-Claims")
    )
    status, _, body = site.ask("GET", "/plugins/pages/dump", f"{spoofed}User-Agent: known-agent\r\n")
    assert (status, b"known-agent" in body, b"spoofed-root" in body) == (200, True, False)
    status, _, body = site.ask("POST", "/plugins/pages/dump", PROVEN, b"x")
    assert (status, TOKEN.encode() in body) == (200, False)


def test_hc_09_a_forged_post_is_403_in_json(site: Site) -> None:
    status, _, body = site.ask("POST", "/plugins/pages/never", "Content-Type: application/json\r\n", b"{}")
    assert (status, code_of(body)) == (403, "csrf-failed")


def test_hc_11_nothing_of_the_connection_or_the_session_is_the_plugins(site: Site) -> None:
    status, head, body = site.ask("GET", "/plugins/pages/stealing")
    assert (status, body) == (200, b"<script>")
    lower = head.lower()
    for stolen in (b"sessionid", b"upgrade", b"chunked", b"server: mine", b"strict-transport", b"access-control"):
        assert stolen not in lower
    assert lower.count(b"content-length") == 1
    assert b"content-length: 8" in lower
    assert b"content-type: text/plain; charset=utf-8" in lower


@pytest.mark.parametrize("name", ["broken", "switching", "away"])
def test_hc_13_hc_14_hc_16_what_cannot_be_passed_on_is_a_clean_502(site: Site, name: str) -> None:
    status, head, body = site.ask("GET", f"/plugins/pages/{name}")
    assert (status, code_of(body)) == (502, "answer-refused")
    assert b"Set-Cookie" not in head
    assert b"evil" not in head


def test_hc_14_a_body_that_must_not_be_is_dropped(site: Site) -> None:
    status, _, body = site.ask("GET", "/plugins/pages/gone")
    assert (status, body) == (204, b"")


def chunked(pieces: list[bytes]) -> bytes:
    """Write a body in chunks."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def in_chunks(path: str, pieces: list[bytes], more: str = PROVEN) -> bytes:
    """Write a whole request with such a body."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n{more}\r\n"
    return head.encode() + chunked(pieces)


def test_hc_18_a_declared_body_of_100_mb_is_413_before_it_is_sent(site: Site) -> None:
    length = f"Content-Length: {100 * 1024 * 1024}\r\n"
    began = time.monotonic()
    head = f"POST /plugins/pages/never HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{length}{PROVEN}\r\n"
    with socket.create_connection((site.address.host, site.address.port), timeout=30) as line:
        line.sendall(head.encode())
        assert line.recv(65_536).startswith(b"HTTP/1.1 413")
    assert time.monotonic() - began < 20


def test_hc_18_a_body_in_chunks_over_the_limit_is_413(site: Site) -> None:
    data = in_chunks("/plugins/pages/never", [b"x" * 65_536] * 64)  # 4 MiB; the limit is 1
    with socket.create_connection((site.address.host, site.address.port), timeout=30) as line:
        with contextlib.suppress(OSError):  # it answers, and may close, before all was sent
            line.sendall(data)
        with contextlib.suppress(ConnectionResetError):
            assert line.recv(65_536).startswith(b"HTTP/1.1 413")
    assert site.ask("GET", "/plugins/pages/echo")[0] == 200


def test_hc_18_a_body_in_chunks_arrives_whole(site: Site) -> None:
    answer = site.send(in_chunks("/plugins/pages/echo", [b'{"sku": ', b'"tea"}']))
    status, _, body = parts(answer)
    assert (status, json.loads(body)["sku"]) == (200, "tea")


def test_hc_18_a_compressed_body_is_not_unpacked(site: Site) -> None:
    bomb = gzip.compress(b"unpacked" * 1_000_000)
    status, _, body = site.ask("POST", "/plugins/pages/dump", f"{PROVEN}Content-Encoding: gzip\r\n", bomb)
    assert (status, b"unpackedunpacked" in body) == (200, False)


def test_hc_18_a_client_that_goes_away_in_the_middle_harms_nobody(site: Site) -> None:
    head = f"POST /plugins/pages/never HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n{PROVEN}\r\nhalf"
    for _ in range(5):
        with socket.create_connection((site.address.host, site.address.port), timeout=30) as line:
            line.sendall(head.encode())
    assert site.ask("GET", "/plugins/pages/echo")[0] == 200


def test_hc_18_a_slow_body_ends_with_its_client_and_the_site_goes_on(site: Site) -> None:
    """How long one may take is the server's setting; the plugin is not there yet while it comes."""
    length = "Connection: close\r\nContent-Length: 2\r\n"
    head = f"POST /plugins/pages/echo HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}{PROVEN}\r\n"
    with socket.create_connection((site.address.host, site.address.port), timeout=30) as line:
        line.sendall(head.encode())
        for byte in (b"{", b"}"):
            time.sleep(2.2)  # longer than a route may run
            line.sendall(byte)
        assert line.recv(65_536).startswith(b"HTTP/1.1 200")
