"""Answers that would touch the session, the connection, a cache or another page."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests import components
from tests.components import http_handler, ok_response, plugin_component, route, trap
from tests.hostile.callers.serving import METHODS, PATH, code_of, serve
from wasm_plugins import lifecycle
from wasm_plugins.exceptions import LinkError
from wasm_plugins.models import Plugin
from wasm_plugins.sync import record_upload

pytestmark = [pytest.mark.django_db, pytest.mark.canary_after]

DROPPED = {
    "Set-Cookie": "sessionid=stolen; Path=/",
    "set-cookie": "csrftoken=stolen",
    "Connection": "upgrade",
    "Keep-Alive": "timeout=1000",
    "Proxy-Authenticate": "Basic",
    "TE": "trailers",
    "Trailer": "X-Sum",
    "Transfer-Encoding": "chunked",
    "Upgrade": "websocket",
    "Content-Length": "2",
    "content-length": "-5",
    "Content-Encoding": "gzip",
    "Content-Range": "bytes 0-1/2",
    "Server": "mine",
    "Date": "Thu, 01 Jan 1970 00:00:00 GMT",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Credentials": "true",
    "Content-Security-Policy": "default-src *",
    "Content-Security-Policy-Report-Only": "report-uri https://evil.example",
    "X-Content-Type-Options": "off",
    "X-Frame-Options": "ALLOWALL",
    "Referrer-Policy": "unsafe-url",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cross-Origin-Opener-Policy": "unsafe-none",
    "Service-Worker-Allowed": "/",
    "Refresh": "0; url=https://evil.example",
    "Link": "<https://evil.example/x.js>; rel=preload",
    "Clear-Site-Data": '"*"',
    "Alt-Svc": 'h2="evil.example:443"',
    "WWW-Authenticate": "Basic",
    "Location2": "https://evil.example",
    "X-Accel-Redirect": "/protected/secrets",
    "X-Sendfile": "/etc/passwd",
    "SourceMap": "https://evil.example",
    "NEL": "{}",
    "Report-To": "{}",
}


def served(client: Client, *headers: tuple[str, str], status: int = 200, content: str = "hello", **kwargs: Any) -> Any:
    """Answer with these headers, and return the response to a GET."""
    serve(http_handler(ok_response(status, content, headers)), **kwargs)
    return client.get(PATH)


@pytest.mark.parametrize("name", DROPPED)
def test_hc_11_a_header_that_is_not_the_plugins_is_dropped_and_logged(
    ann: Client, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    session = ann.cookies["sessionid"].value
    innocent = served(ann)
    lifecycle.delete(Plugin.objects.get())
    caplog.set_level(logging.WARNING, "wasm_plugins.plugin")
    response = served(ann, (name, DROPPED[name]))
    assert response.status_code == 200
    assert response.content == b"hello"
    assert dict(response.items()) == dict(innocent.items())
    assert not response.cookies
    assert ann.cookies["sessionid"].value == session
    said = " ".join(each.getMessage() for each in caplog.records if each.name == "wasm_plugins.plugin")
    assert name in said
    assert DROPPED[name] not in said


def test_hc_11_what_is_logged_of_it_is_bounded_and_in_one_line(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "wasm_plugins.plugin")
    served(client, *[(f"X-{n}-{'y' * 4_000}", "%s {0}") for n in range(64)])
    (record,) = (each for each in caplog.records if each.name == "wasm_plugins.plugin")
    assert len(record.getMessage()) < 4_000
    assert "\n" not in record.getMessage()


BROKEN = {
    "CR in a value": ("ETag", '"a"\rSet-Cookie: x=y'),
    "LF in a value": ("ETag", '"a"\nSet-Cookie: x=y'),
    "CRLF in a value": ("Content-Type", "text/plain\r\nSet-Cookie: x=y"),
    "CRLF in a dropped one": ("X-Mine", "a\r\nSet-Cookie: x=y"),
    "NUL in a value": ("ETag", '"a\0"'),
    "tab in a value": ("ETag", '"a\t"'),
    "escape in a value": ("ETag", '"\x1b[2J"'),
    "DEL in a value": ("ETag", '"\x7f"'),
    "C1 in a value": ("ETag", '"\x85"'),
    "non-latin-1 value": ("ETag", '"\u0141"'),
    "emoji value": ("Content-Language", "\U0001f600"),
    "line separator": ("Content-Language", "en\u2028de"),
    "CR in a name": ("ETag\r", '"a"'),
    "LF in a name": ("X\nSet-Cookie", "x=y"),
    "NUL in a name": ("ETag\0", '"a"'),
    "space in a name": ("Set Cookie", "x=y"),
    "space after a name": ("Set-Cookie ", "x=y"),
    "space before a name": (" Set-Cookie", "x=y"),
    "colon in a name": ("Set-Cookie:", "x=y"),
    "empty name": ("", "x"),
    "non-ASCII name": ("Set-C\u00f6okie", "x=y"),
    "kelvin sign": ("Set-Coo\u212aie", "x=y"),
    "dotless i": ("Set-Cook\u0131e", "x=y"),
    "unquoted tag": ("ETag", "a"),
    "date that is none": ("Last-Modified", "yesterday"),
    "disposition that is none": ("Content-Disposition", "form-data; name=x"),
    "language that is none": ("Content-Language", "en;q=1"),
    "vary that is none": ("Vary", "Cookie; x"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_hc_13_a_header_that_is_none_is_a_clean_502(client: Client, name: str) -> None:
    response = served(client, BROKEN[name])
    assert (response.status_code, code_of(response)) == (502, "answer-refused")
    assert "Set-Cookie" not in response


@pytest.mark.parametrize(
    "headers",
    [
        [("ETag", '"' + "x" * 200_000 + '"')],
        [("X" * 200_000, "x")],
        [("X-Mine", "x" * 4_097)],
        [(f"X-{n}", "x") for n in range(1_000)],
        [("ETag", '"x"')] * 1_000,
    ],
    ids=["200 kB value", "200 kB name", "dropped and long", "1,000 headers", "1,000 times the same"],
)
def test_hc_13_too_much_of_headers_is_a_limit(client: Client, headers: list[tuple[str, str]]) -> None:
    response = served(client, *headers)
    assert (response.status_code, code_of(response)) == (502, "limit-exceeded")


@pytest.mark.parametrize("name", ["Content-Type", "ETag", "Location", "Cache-Control", "Vary"])
def test_hc_13_a_header_that_is_said_twice_is_refused(client: Client, name: str) -> None:
    value = {"ETag": '"a"', "Location": "/a", "Content-Type": "text/plain"}.get(name, "no-store")
    response = served(client, (name, value), (name.lower(), value))
    assert (response.status_code, code_of(response)) == (502, "answer-refused")


@pytest.mark.parametrize("status", [0, 1, 99, 100, 101, 102, 103, 199, 600, 999, 65_535])
def test_hc_14_a_status_outside_200_to_599_is_502(client: Client, status: int) -> None:
    response = served(client, status=status)
    assert (response.status_code, code_of(response)) == (502, "answer-refused")


@pytest.mark.parametrize("wrong", ["s16", "s32", "string", "u32", "u64"])
def test_hc_14_a_status_of_another_type_is_refused_before_it_is_served(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """Neither -1 nor "200" can be said in a u16; a handler that declares another type is no handler."""
    types = components._HTTP_TYPES.replace('(field "status" u16)', f'(field "status" {wrong})')
    monkeypatch.setattr(components, "_HTTP_TYPES", types)
    with pytest.raises(LinkError):
        record_upload(plugin_component("pages", routes=[route("/pages/one", http_handler(trap()))]))


@pytest.mark.parametrize("status", [204, 205, 300, 301, 302, 303, 304, 307, 308, 399])
def test_hc_14_a_body_that_must_not_be_is_dropped(client: Client, status: int) -> None:
    response = served(client, ("Content-Type", "text/html"), status=status, content="<script>", html=True)
    assert (response.status_code, response.content) == (status, b"")
    assert "Content-Type" not in response
    assert response.get("Content-Length", "0") == "0"


@pytest.mark.parametrize("status", [200, 201, 206, 299, 400, 401, 404, 418, 451, 500, 503, 599])
def test_hc_14_any_other_status_is_the_plugins_with_the_hosts_length(client: Client, status: int) -> None:
    response = served(client, ("Content-Length", "5000"), status=status)
    assert (response.status_code, response["Content-Length"], response.content) == (status, "5", b"hello")


OFF_SITE = [
    "https://evil.example",
    "http://evil.example/",
    "HTTPS:evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "\\/evil.example",
    "/x//evil.example",
    ".//evil.example",
    "..//evil.example",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "mailto:x@evil.example",
    "evil.example:80/",
    "/\t/evil.example",
    "/ /evil.example",
    " //evil.example",
    "/x y",
    "/x\x7f",
    "/\u0141",
    "/x\u00e4",
    "@evil.example:x",
    ":x",
    "",
    "http:",
    "http:/evil.example",
    "/%0d%0a /x",
    '/x"y',
    "/x<y>",
    "/`x`",
]


@pytest.mark.parametrize("location", OFF_SITE)
def test_hc_16_a_redirect_off_the_site_is_refused(client: Client, location: str) -> None:
    response = served(client, ("Location", location), status=302)
    assert (response.status_code, code_of(response)) == (502, "answer-refused")
    assert "Location" not in response


@pytest.mark.parametrize("location", ["/", "/orders/7?next=//x#top", "list", "../list", "?page=2", "./a:b", "/a:b"])
def test_hc_16_a_redirect_within_the_site_is_passed_on(client: Client, location: str) -> None:
    response = served(client, ("Location", location), status=303)
    assert (response.status_code, response["Location"], response.content) == (303, location, b"")


CACHED = ["public", "public, max-age=60", "max-age=60", "no-cache", "must-revalidate, max-age=999999999"]


@pytest.mark.parametrize("wanted", CACHED)
@pytest.mark.parametrize("access", ["authenticated", "public"])
def test_hc_16_an_answer_to_somebody_is_never_kept(ann: Client, wanted: str, access: str) -> None:
    response = served(ann, ("Cache-Control", wanted), access=access)
    assert response["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("wanted", CACHED)
def test_hc_16_an_answer_to_an_unsafe_method_is_never_kept(client: Client, wanted: str) -> None:
    serve(http_handler(ok_response(200, "hello", [("Cache-Control", wanted)])), methods=METHODS)
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)(PATH)["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "public, s-maxage=60",
        "immutable",
        "max-age=-1",
        "max-age=" + "9" * 10,
        'private="x"',
        "public; x",
        "public,",
    ],
)
def test_hc_16_what_is_not_on_the_list_keeps_nothing(client: Client, wanted: str) -> None:
    assert served(client, ("Cache-Control", wanted))["Cache-Control"] == "private, no-store"


def test_hc_16_a_public_answer_to_nobody_may_be_kept_for_a_day_at_most(client: Client) -> None:
    response = served(client, ("Cache-Control", "Public,MAX-AGE=999999"), ("Vary", "Accept-Language"))
    assert response["Cache-Control"] == "public, max-age=86400"
    assert response["Vary"] == "Accept-Language, Cookie, Authorization"
    client.force_login(User.objects.create_user("ann"))
    assert client.get(PATH)["Cache-Control"] == "private, no-store"
