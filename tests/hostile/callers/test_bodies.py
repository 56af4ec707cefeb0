"""Bodies that are no JSON object, that are too large, that lie about their length, or that unpack to more."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.test.client import ClientHandler
from pytest_django import Settings

from tests.components import echo, http_handler, json_handler, memory_dump
from tests.hostile.callers.serving import NEVER, NEVER_HTTP, PATH, code_of, post, serve

pytestmark = pytest.mark.django_db

NO_OBJECT = {
    "list": b"[]",
    "null": b"null",
    "text": b'"x"',
    "number": b"7",
    "true": b"true",
    "invalid": b"{",
    "trailing": b"{}{}",
    "single-quotes": b"{'a': 1}",
    "nested-lists": b"[" * 100_000 + b"]" * 100_000,
    "nested-objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "NaN": b'{"n": NaN}',
    "Infinity": b'{"n": -Infinity}',
    "overflow": b'{"n": 1e999}',
    "long-number": b'{"n": ' + b"9" * 10_000 + b"}",
    "bom": b"\xef\xbb\xbf{}",
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "utf-16-le": '{"a": 1}'.encode("utf-16-le"),
    "utf-32": '{"a": 1}'.encode("utf-32"),
    "invalid-utf-8": b'{"a": "\xff\xfe"}',
    "surrogate": b'{"a": "\xed\xa0\x80"}',
    "control": b'{"a": "\x00"}',
    "form": b"a=1&b=2",
    "gzip": gzip.compress(b"{}"),
}


@pytest.mark.parametrize("name", NO_OBJECT)
def test_hc_02_a_body_that_is_no_json_object_is_400_with_one_text_for_all(client: Client, name: str) -> None:
    serve(NEVER)
    response = post(client, NO_OBJECT[name])
    assert (response.status_code, code_of(response)) == (400, "body-not-json")
    assert response.json()["error"]["message"] == "the body must be a JSON object in UTF-8"


@pytest.mark.parametrize("depth", range(200, 1_100, 25))
def test_hc_02_no_depth_is_more_than_a_400(client: Client, depth: int) -> None:
    """A depth that can be read may be too much to write: both recurse, on stacks that differ."""
    serve(json_handler(echo()))
    response = post(client, b'{"a":' * depth + b"1" + b"}" * depth)
    assert response.status_code in (200, 400)


def test_hc_02_an_empty_body_is_an_empty_object_as_documented(client: Client) -> None:
    serve(json_handler(echo()))
    answer = post(client, b"  \r\n").json()
    assert answer.keys() == {"claims", "request"}


def test_hc_02_a_lone_surrogate_in_an_escape_stays_an_escape(client: Client) -> None:
    serve(json_handler(echo()))
    assert post(client, b'{"a": "\\ud800"}').content.startswith(b'{"a": "\\ud800"')


@pytest.mark.parametrize("handler", [NEVER, NEVER_HTTP], ids=["json", "http"])
def test_hc_18_a_body_over_the_limit_is_413_by_its_length_alone(
    client: Client, settings: Settings, handler: Any
) -> None:
    serve(handler)
    response = client.generic("POST", PATH, b"", content_type="application/json", CONTENT_LENGTH=str(100 * 1024 * 1024))
    assert (response.status_code, code_of(response)) == (413, "body-too-large")
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    response = post(client, b"x" * 2_000)
    assert (response.status_code, code_of(response)) == (413, "body-too-large")


class _Endless(io.RawIOBase):
    """A body in chunks that does not end; it counts what was read of it."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "whoever reads it all is lost"
        self.taken += size
        return b"x" * size


def _sent_in_chunks(body: Any, **environ: Any) -> Any:
    """Call the site as a WSGI server would that hands on a body without a length."""
    given: dict[str, Any] = RequestFactory().generic("POST", PATH, content_type="application/json").environ
    given.pop("CONTENT_LENGTH", None)
    given |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": body} | environ
    return ClientHandler(enforce_csrf_checks=False)(given)


ENDS = {"wsgi.input_terminated": True}
"""What a server says that marks the end of such a body."""


def test_hc_18_a_body_without_a_length_is_read_up_to_the_limit(settings: Settings) -> None:
    settings.WASM_PLUGINS_REQUEST_BODY_BYTES = 10_000
    serve(NEVER)
    endless = _Endless()
    response = _sent_in_chunks(endless, **ENDS)
    assert (response.status_code, code_of(response)) == (413, "body-too-large")
    assert endless.taken == 10_001


def test_hc_18_a_body_without_a_length_that_is_small_enough_arrives_whole() -> None:
    serve(json_handler(echo()))
    response = _sent_in_chunks(io.BytesIO(b'{"sku": "tea"}'), **ENDS)
    assert (response.status_code, json.loads(response.content)["sku"]) == (200, "tea")


def test_hc_18_where_the_server_does_not_mark_its_end_it_is_400_and_not_read() -> None:
    serve(NEVER)
    endless = _Endless()
    response = _sent_in_chunks(endless)
    assert (response.status_code, code_of(response)) == (400, "body-unreadable")
    assert endless.taken == 0


@pytest.mark.parametrize("length", ["-1", "x", "0x10", "9" * 5_000, "²"])
def test_hc_18_a_length_that_is_none_is_400(client: Client, length: str) -> None:
    serve(NEVER)
    response = client.generic("POST", PATH, b"{}", content_type="application/json", CONTENT_LENGTH=length)
    assert (response.status_code, code_of(response)) == (400, "body-unreadable")


@pytest.mark.parametrize("environ", [ENDS, {"CONTENT_LENGTH": "100"}], ids=["chunked", "with a length"])
def test_hc_18_a_body_that_breaks_off_is_400(environ: Any) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError("the client is gone")

    serve(NEVER)
    response = _sent_in_chunks(Broken(), **environ)
    assert (response.status_code, code_of(response)) == (400, "body-unreadable")


def test_hc_18_a_compressed_body_is_not_unpacked(client: Client) -> None:
    serve(http_handler(memory_dump()))
    bomb = gzip.compress(b"unpacked" * 1_000_000)
    seen = post(client, bomb, "application/octet-stream", **{"Content-Encoding": "gzip"}).content
    assert bomb[:64] in seen
    assert b"unpackedunpacked" not in seen


@pytest.mark.parametrize("query", ["a=" + "x" * 8_192, "&".join(f"a{n}=1" for n in range(1_001))])
@pytest.mark.parametrize("handler", [NEVER, NEVER_HTTP], ids=["json", "http"])
def test_hc_18_a_query_string_over_the_limit_is_414(client: Client, handler: Any, query: str) -> None:
    serve(handler)
    response = client.get(f"{PATH}?{query}")
    assert (response.status_code, code_of(response)) == (414, "query-too-long")
