"""Plugins that send requests where they may not, or to peers that answer badly."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from pytest_django import Settings

from tests.fetching import fetch, get, granted
from tests.peers import OK, Names, Peer, Speak, at_most, drips, is_silent, redirects, says, says_for_ever
from wasm_plugins.exceptions import LimitExceeded
from wasm_plugins.host.http.transport import Transport

MIB = 1024 * 1024
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BOMB = gzip.compress(bytes(8 * MIB))


@pytest.fixture(autouse=True)
def loopback_is_open(settings: Settings) -> None:
    """Let plugins whose grant says ``private`` reach this machine, where the peers are."""
    settings.WASM_PLUGINS_HTTP_PRIVATE_NETWORKS = ["127.0.0.0/8"]


def outcome_of(step: dict[str, Any], *hosts: str, names: Names | None = None) -> dict[str, Any]:
    (outcome,) = fetch(step, grants=granted(*hosts), transport=Transport(resolver=names or Names(["127.0.0.1"])))
    return outcome


@pytest.mark.parametrize(
    ("speak", "error"),
    [
        pytest.param(drips(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 99), "HttpResponseTimeout", id="one byte per 0.2 s"),
        pytest.param(
            says_for_ever(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"x", pause_s=0.2),
            "HttpResponseTimeout",
            id="a body of one byte per 0.2 s",
        ),
        pytest.param(
            says_for_ever(b"HTTP/1.1 200 OK\r\n", b"X-More: y\r\n", pause_s=0.02),
            "HttpResponseTimeout",
            id="slow headers never end",
        ),
        pytest.param(
            says_for_ever(b"HTTP/1.1 200 OK\r\n", b"X-More: y\r\n" * 1_000), "HttpProtocolError", id="headers never end"
        ),
        pytest.param(
            says_for_ever(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", b"x" * 65_536),
            "HttpResponseBodySize",
            id="a body of 1 GB",
        ),
        pytest.param(
            says_for_ever(CHUNKED, b"1000\r\n" + b"x" * 4_096 + b"\r\n"), "HttpResponseBodySize", id="chunked"
        ),
        pytest.param(says_for_ever(CHUNKED, b"1\r\nx\r\n", pause_s=0.1), "HttpResponseTimeout", id="chunked and slow"),
        pytest.param(
            says_for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause_s=0.05), "HttpResponseTimeout", id="1xx"
        ),
        pytest.param(is_silent, "HttpResponseTimeout", id="silence"),
    ],
)
def test_hp_24_a_slow_or_endless_peer_ends_at_the_deadline_or_the_cap(
    settings: Settings, speak: Speak, error: str
) -> None:
    settings.WASM_PLUGINS_HTTP_TIMEOUT_MS = 700
    with Peer(speak) as peer:
        with at_most(10):
            outcome = outcome_of(get(f"slow.test:{peer.port}"), f"http://slow.test:{peer.port}")
        assert outcome["error"].partition("(")[0] == error
        assert peer.left.wait(5), "the socket was closed"


def test_hp_24_what_is_compressed_a_thousand_times_is_passed_on_as_it_is() -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(BOMB)}\r\n\r\n"
    with Peer(says(head.encode(), BOMB)) as peer:
        outcome = outcome_of(get(f"zip.test:{peer.port}"), f"http://zip.test:{peer.port}")
    assert (outcome["status"], outcome["size"]) == (200, len(BOMB))
    assert len(BOMB) < 10_000


def test_hp_24_the_call_goes_on_after_a_peer_that_did_not(settings: Settings) -> None:
    settings.WASM_PLUGINS_HTTP_TIMEOUT_MS = 300
    with Peer(drips(OK * 9)) as slow, Peer(says(OK)) as good:
        outcomes = fetch(
            get(f"a.test:{slow.port}"),
            get(f"a.test:{good.port}"),
            grants=granted(f"http://a.test:{slow.port}", f"http://a.test:{good.port}"),
            transport=Transport(resolver=Names(["127.0.0.1"])),
        )
    assert [outcome.get("error", outcome.get("body")) for outcome in outcomes] == ["HttpResponseTimeout", "hello"]


@pytest.mark.parametrize(
    "url",
    [
        "https://other.test",
        "https://api.test:8443",
        "http://api.test:443",
        "http://api.test",
        "https://www.api.test",
        "https://wild.test",
        "https://notwild.test",
        "https://sub.wild.test:444",
    ],
)
def test_hp_25_a_host_that_is_not_granted_is_denied_before_any_name_is_looked_up(url: str) -> None:
    names = Names(["127.0.0.1"])
    scheme, _, authority = url.partition("://")
    outcome = outcome_of(get(authority, scheme=scheme), "https://api.test", "https://*.wild.test", names=names)
    assert outcome == {"error": "HttpRequestDenied"}
    assert names.asked == []


def test_hp_25_nothing_is_granted_by_an_empty_list() -> None:
    names = Names(["127.0.0.1"])
    assert outcome_of(get("api.test", scheme="https"), names=names) == {"error": "HttpRequestDenied"}
    assert names.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    ["http://10.0.0.1/", "http://169.254.169.254/latest/", "https://api.test/", "/", "http://api.test/", "ftp://a/"],
)
def test_hp_26_a_redirect_is_an_answer_and_is_not_followed(status: int, location: str) -> None:
    names = Names(["127.0.0.1"])
    with Peer(redirects(status, location)) as peer:
        outcome = outcome_of(get(f"api.test:{peer.port}"), f"http://api.test:{peer.port}", names=names)
        assert (outcome["status"], ["location", location] in outcome["headers"]) == (status, True)
        assert (len(peer.received), len(names.asked)) == (1, 1)


@pytest.mark.parametrize("location", ["http://10.0.0.1", "http://api.test", "https://api.test:{port}"])
def test_hp_26_a_plugin_that_follows_a_redirect_itself_is_checked_anew(location: str) -> None:
    names = Names(["127.0.0.1"])
    with Peer(redirects(302, location)) as peer:
        scheme, _, authority = location.format(port=peer.port).partition("://")
        first, second = fetch(
            get(f"api.test:{peer.port}"),
            get(authority, scheme=scheme),
            grants=granted(f"http://api.test:{peer.port}"),
            transport=Transport(resolver=names),
        )
        assert (first["status"], second) == (302, {"error": "HttpRequestDenied"})
        assert (len(peer.received), len(names.asked)) == (1, 1)


def test_hp_26_a_loop_of_redirects_ends_with_the_requests_of_the_call() -> None:
    with Peer(redirects(302, "/")) as peer, pytest.raises(LimitExceeded) as caught:
        fetch(
            *[get(f"api.test:{peer.port}")] * 9,
            grants=granted(f"http://api.test:{peer.port}"),
            transport=Transport(resolver=Names(["127.0.0.1"])),
        )
    assert caught.value.limit == "http_requests"
    assert len(peer.received) == 8


def test_hp_27_a_name_is_looked_up_once_and_the_checked_address_is_connected_to() -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    with Peer(says(OK)) as peer:
        outcome = outcome_of(get(f"rebind.test:{peer.port}"), f"http://rebind.test:{peer.port}", names=names)
        assert outcome["body"] == "hello"
        assert (names.asked, len(peer.received)) == (["rebind.test"], 1)


def test_hp_27_an_answer_that_changed_is_checked_again() -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["127.0.0.1"])
    with Peer(says(OK)) as peer:
        outcomes = fetch(
            *[get(f"rebind.test:{peer.port}")] * 4,
            grants=granted(f"http://rebind.test:{peer.port}"),
            transport=Transport(resolver=names),
        )
        assert [outcome.get("error", 200) for outcome in outcomes] == [200, *["DestinationIpProhibited"] * 2, 200]
        assert (len(names.asked), len(peer.received)) == (4, 2)


@pytest.mark.parametrize("internal", ["10.0.0.1", "169.254.169.254", "168.63.129.16", "::1", "::ffff:10.0.0.1"])
@pytest.mark.parametrize("is_first", [False, True])
def test_hp_27_an_answer_with_one_internal_address_is_refused_whole(internal: str, is_first: bool) -> None:
    with Peer(says(OK)) as peer:
        names = Names([internal, "127.0.0.1"] if is_first else ["127.0.0.1", internal])
        outcome = outcome_of(get(f"mixed.test:{peer.port}"), f"http://mixed.test:{peer.port}", names=names)
        assert outcome == {"error": "DestinationIpProhibited"}
        assert peer.received == []


def test_hp_27_a_plugin_without_private_in_its_grant_does_not_reach_what_the_project_opened() -> None:
    with Peer(says(OK)) as peer:
        grants = {"http": {"hosts": [f"http://mine.test:{peer.port}"]}}
        (outcome,) = fetch(
            get(f"mine.test:{peer.port}"), grants=grants, transport=Transport(resolver=Names(["127.0.0.1"]))
        )
        assert outcome == {"error": "DestinationIpProhibited"}
        assert peer.received == []


@pytest.mark.parametrize(
    "authority",
    [
        "ok@127.0.0.1:{port}",
        "ok:x@127.0.0.1:{port}",
        "127.0.0.1:{port}#@ok:{port}",
        "127.0.0.1:{port}\\@ok:{port}",
        "127.0.0.1:{port}/@ok:{port}",
        "127.0.0.1:{port}?@ok:{port}",
        "0x7f000001:{port}",
        "2130706433:{port}",
        "0177.0.0.1:{port}",
        "127.1:{port}",
        "127.0.0.01:{port}",
        "127.0.0.1.:{port}",
        "１２７.０.０.１:{port}",
        "127。0。0。1:{port}",
        "ⓞⓚ:{port}",
        "ok%2eevil:{port}",
        "%6fk:{port}",
        "ok.evil:{port}",
        "ok..:{port}",
        ".ok:{port}",
        "[::ffff:127.0.0.1]:{port}",
        "[::ffff:7f00:1]:{port}",
        "[::1%25lo]:{port}",
        "[0:0:0:0:0:0:0:1]:{port}",
        "ok\t:{port}",
        "ok\n:{port}",
        "\tok:{port}",
        "ok:{port}\r\nX: y",
        "ok:{port} ",
        "ok:0{port}",
        "ok:+{port}",
        "ok:",
        "ok:0",
        "ok:65536",
        "ok:{port}:{port}",
        ":{port}",
        "",
    ],
)
def test_hp_28_a_host_that_could_be_read_in_two_ways_is_denied(authority: str) -> None:
    names = Names(["127.0.0.1"])
    with Peer(says(OK)) as peer:
        hosts = [f"http://{host}:{peer.port}" for host in ("ok", "127.0.0.1", "[::1]")]
        outcome = outcome_of(get(authority.format(port=peer.port)), *hosts, names=names)
        assert outcome == {"error": "HttpRequestDenied"}
        assert (names.asked, peer.received) == ([], [])


@pytest.mark.parametrize("host", ["OK", "Ok", "ok.", "OK."])
def test_hp_28_letter_case_and_one_trailing_dot_are_no_other_host(host: str) -> None:
    names = Names(["127.0.0.1"])
    with Peer(says(OK)) as peer:
        outcome = outcome_of(get(f"{host}:{peer.port}"), f"http://ok:{peer.port}", names=names)
        assert (outcome["status"], names.asked) == (200, ["ok"])
        assert f"\r\nHost: ok:{peer.port}\r\n".encode() in peer.received[0]


@pytest.mark.parametrize("scheme", ["ftp", "file", "http:", "javascript", "", "https:/", "http\n", "unix"])
def test_hp_28_another_scheme_is_denied(scheme: str) -> None:
    names = Names(["127.0.0.1"])
    outcome = outcome_of({"scheme": f"{scheme}", "authority": "ok", "path": "/"}, "http://ok", names=names)
    assert outcome == {"error": "HttpRequestDenied"}
    assert names.asked == []


@pytest.mark.parametrize(
    "path", ["http://evil/", "//\\evil", "/a b", "/a\r\nX: y", "/#x", "x", "?q", "/é", "/\x00", "*"]
)
def test_hp_28_a_path_that_is_none_is_refused(path: str) -> None:
    with Peer(says(OK)) as peer:
        outcome = outcome_of(get(f"ok:{peer.port}", path), f"http://ok:{peer.port}")
        assert outcome == {"error": "HttpRequestUriInvalid"}
        assert peer.received == []


REFUSED_HEADERS = [
    ("Host", "evil.test", "Forbidden"),
    ("hOST", "evil.test", "Forbidden"),
    ("Transfer-Encoding", "chunked", "Forbidden"),
    ("Connection", "keep-alive", "Forbidden"),
    ("Keep-Alive", "1", "Forbidden"),
    ("Upgrade", "h2c", "Forbidden"),
    ("HTTP2-Settings", "x", "Forbidden"),
    ("TE", "trailers", "Forbidden"),
    ("Trailer", "X", "Forbidden"),
    ("Expect", "100-continue", "Forbidden"),
    ("Proxy-Authorization", "Basic eA==", "Forbidden"),
    ("Proxy-Connection", "close", "Forbidden"),
    ("X-A", "b\r\nX-Evil: y", "InvalidSyntax"),
    ("X-A", "b\nX-Evil: y", "InvalidSyntax"),
    ("X-A", "b\r", "InvalidSyntax"),
    ("X-A", "b\x00", "InvalidSyntax"),
    ("X-A", " b", "InvalidSyntax"),
    ("X-A\r\nX-Evil", "b", "InvalidSyntax"),
    ("X-A:", "b", "InvalidSyntax"),
    ("X A", "b", "InvalidSyntax"),
    ("", "b", "InvalidSyntax"),
    ("X-É", "b", "InvalidSyntax"),
]


@pytest.mark.parametrize(("name", "value", "error"), REFUSED_HEADERS)
def test_hp_30_a_header_that_is_the_hosts_or_malformed_is_refused(name: str, value: str, error: str) -> None:
    with Peer(says(OK)) as peer:
        step = get(f"ok:{peer.port}", headers=[["X-Good", "1"], [name, value]])
        assert outcome_of(step, f"http://ok:{peer.port}") == {"header": error}
        assert peer.received == []


@pytest.mark.parametrize(
    ("headers", "error"),
    [([["X-A", str(at)] for at in range(1_000)], "Forbidden"), ([["X-A", "x" * 20_000]], "Forbidden")],
)
def test_hp_30_too_many_headers_are_refused(headers: list[list[str]], error: str) -> None:
    with Peer(says(OK)) as peer:
        assert outcome_of(get(f"ok:{peer.port}", headers=headers), f"http://ok:{peer.port}") == {"header": error}
        assert peer.received == []


@pytest.mark.parametrize("length", ["0", "2", "4", "-5", "+3", "3, 3", "0x3", "3\t", "99999999999999999999"])
def test_hp_30_a_content_length_that_is_not_the_bodys_is_refused(length: str) -> None:
    with Peer(says(OK)) as peer:
        step = get(f"ok:{peer.port}", method="POST", body="abc", headers=[["Content-Length", length]])
        outcome = outcome_of(step, f"http://ok:{peer.port}")
        assert outcome in ({"error": "HttpRequestBodySize(Some(3))"}, {"header": "InvalidSyntax"})
        assert peer.received == []


@pytest.mark.parametrize("method", ["GET / HTTP/1.1\r\nX: y\r\n\r\nGET", "GE T", "G\nET", "", "É", "X" * 99])
def test_hp_30_a_malformed_method_is_refused(method: str) -> None:
    with Peer(says(OK)) as peer:
        outcome = outcome_of(get(f"ok:{peer.port}", method=method), f"http://ok:{peer.port}")
        assert outcome == {"refused": "method"}
        assert peer.received == []


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "connect", "Track"])
def test_hp_30_a_method_that_makes_a_tunnel_or_an_echo_is_refused(method: str) -> None:
    with Peer(says(OK)) as peer:
        outcome = outcome_of(get(f"ok:{peer.port}", method=method), f"http://ok:{peer.port}")
        assert outcome == {"error": "HttpRequestMethodInvalid"}
        assert peer.received == []


def test_hp_30_the_peer_sees_exactly_one_well_formed_request() -> None:
    headers = [["X-A", "1"], ["Content-Length", "37"], ["Cookie", "a=b"], ["X-A", "2"]]
    body = "GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n"
    with Peer(says(OK)) as peer:
        step = get(f"ok:{peer.port}", "/a?b=%0d%0a", method="POST", body=body[:37], headers=headers)
        outcome = outcome_of(step, f"http://ok:{peer.port}")
        assert outcome["status"] == 200, outcome
        (raw,) = peer.received
    head, _, sent = raw.partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    assert first == "POST /a?b=%0d%0a HTTP/1.1"
    assert fields == [
        f"Host: ok:{peer.port}",
        "Connection: close",
        "Content-Length: 37",
        "X-A: 1",
        "Cookie: a=b",
        "X-A: 2",
    ]
    assert sent == body[:37].encode()
