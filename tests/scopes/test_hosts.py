"""What a grant of the capability ``http`` lets a plugin reach."""

from __future__ import annotations

from typing import Any

import pytest

from wasm_plugins.grants import check_grant, reaches
from wasm_plugins.scopes.hosts import HttpGrant
from wasm_plugins.scopes.origins import parse_origin


def allows(host: str, url: str) -> bool:
    scheme, _, authority = url.partition("://")
    return HttpGrant.from_scope({"hosts": [host]}).allows(parse_origin(scheme, authority))


@pytest.mark.parametrize(
    ("host", "url", "expected"),
    [
        ("https://a.test", "https://a.test", True),
        ("https://A.test.", "https://a.test:443", True),
        ("https://a.test", "http://a.test", False),
        ("https://a.test", "https://a.test:444", False),
        ("https://a.test", "https://b.a.test", False),
        ("https://*.a.test", "https://b.a.test", True),
        ("https://*.a.test", "https://c.b.a.test", True),
        ("https://*.a.test", "https://a.test", False),
        ("https://*.a.test", "https://ba.test", False),
        ("https://*.a.test:8443", "https://b.a.test:8443", True),
        ("https://*.a.test:8443", "https://b.a.test", False),
        ("http://192.0.2.1", "http://192.0.2.1", True),
        ("http://[2001:db8::1]:81", "http://[2001:db8::1]:81", True),
    ],
)
def test_a_host_allows_itself_or_what_lies_below(host: str, url: str, expected: bool) -> None:
    assert allows(host, url) is expected


@pytest.mark.parametrize(
    "scope",
    [
        {"hosts": "https://a.test"},
        {"hosts": [1]},
        {"hosts": ["a.test"]},
        {"hosts": ["ftp://a.test"]},
        {"hosts": ["https://a.test/"]},
        {"hosts": ["https://a.test/path"]},
        {"hosts": ["https://u@a.test"]},
        {"hosts": ["https://*"]},
        {"hosts": ["https://*.test"]},
        {"hosts": ["https://a.*.test"]},
        {"hosts": ["https://*a.test"]},
        {"hosts": ["https://*.*.a.test"]},
        {"hosts": ["https://*.1.2.3.4"]},
        {"hosts": ["https://*.[::1]"]},
        {"hosts": ["https://0x7f.1"]},
        {"hosts": ["https://a.test:0"]},
        {"hosts": ["https://a test"]},
        {"hosts": ["https://ä.test"]},
        {"hosts": ["https://a.test"] * 65},
        {"hosts": [], "in_transaction": 1},
        {"hosts": [], "private": "yes"},
        {"hosts": [], "ports": [80]},
        {"host": []},
    ],
)
def test_a_scope_that_could_be_misread_is_refused(scope: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        check_grant("http", scope)


@pytest.mark.parametrize("scope", [{}, {"hosts": []}, {"hosts": ["https://a.test"], "in_transaction": True}])
def test_a_scope_that_is_plain_is_taken(scope: dict[str, Any]) -> None:
    check_grant("http", scope)


@pytest.mark.parametrize(
    ("granted", "asked", "expected"),
    [
        ({"hosts": ["https://a.test"]}, {"hosts": ["https://a.test"]}, True),
        ({"hosts": ["https://a.test"]}, {"hosts": ["https://A.test:443"]}, True),
        ({"hosts": ["https://a.test"]}, {}, True),
        ({"hosts": ["https://a.test"]}, {"hosts": ["https://b.test"]}, False),
        ({"hosts": ["https://*.a.test"]}, {"hosts": ["https://b.a.test"]}, True),
        ({"hosts": ["https://*.a.test"]}, {"hosts": ["https://*.b.a.test"]}, True),
        ({"hosts": ["https://b.a.test"]}, {"hosts": ["https://*.a.test"]}, False),
        ({"hosts": ["https://*.a.test"]}, {"hosts": ["https://a.test"]}, False),
        ({"hosts": []}, {"hosts": [], "in_transaction": True}, False),
        ({"hosts": [], "in_transaction": True}, {"hosts": [], "in_transaction": False}, True),
        ({"hosts": []}, {"hosts": [], "private": True}, False),
        ({"hosts": ["https://a.test"]}, {"hosts": ["nonsense"]}, False),
        ({"nonsense": 1}, {}, False),
    ],
)
def test_a_grant_reaches_what_lies_within_it(granted: Any, asked: Any, expected: bool) -> None:
    assert reaches("http", granted, asked) is expected
