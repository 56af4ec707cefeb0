"""Methods that a route does not declare, in every way that a caller may say one."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.components import http_handler, json_handler, memory_dump, ok, ok_response
from tests.hostile.callers.serving import METHODS, NEVER, PATH, code_of, serve

pytestmark = pytest.mark.django_db

UNDECLARED = ["HEAD", "OPTIONS", "TRACE", "CONNECT", "FOO", "PUT", "PATCH", "DELETE", "PROPFIND", "GET\u00df", "GE T"]


@pytest.mark.parametrize("method", UNDECLARED)
def test_hc_07_an_undeclared_method_is_405_with_what_is_allowed(client: Client, method: str) -> None:
    serve(NEVER)
    response = client.generic(method, PATH)
    assert (response.status_code, response["Allow"]) == (405, "GET, POST")
    if method != "HEAD":
        assert code_of(response) == "method-not-allowed"


@pytest.mark.parametrize("method", UNDECLARED)
def test_hc_07_it_is_405_before_anybody_asks_for_a_csrf_token(strict: Client, method: str) -> None:
    serve(NEVER, "authenticated")
    assert strict.generic(method, PATH).status_code == 405


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"])
def test_hc_07_no_header_and_no_parameter_changes_the_method(client: Client, header: str) -> None:
    serve(http_handler(memory_dump()), methods='["POST", "DELETE"]')
    response = client.post(f"{PATH}?_method=DELETE", {"_method": "DELETE"}, headers={header: "DELETE"})
    assert response.status_code == 200
    assert b"POST" in response.content
    get = client.get(PATH, headers={header: "POST"})
    assert (get.status_code, get["Allow"]) == (405, "POST, DELETE")


def test_hc_07_a_head_that_is_declared_has_a_length_and_no_body(client: Client) -> None:
    serve(http_handler(ok_response(200, "hello")), methods=METHODS)
    response = client.head(PATH)
    assert (response.status_code, response["Content-Length"], response.content) == (200, "5", b"")


def test_hc_07_options_asks_nobody_and_allows_no_other_site(client: Client) -> None:
    serve(json_handler(ok("{}")))
    response = client.options(PATH, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
    assert response.status_code == 405
    assert not [name for name in response.headers if name.startswith("Access-Control")]
