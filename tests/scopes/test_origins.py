"""Hosts and paths have one spelling; the hostile ones are tried in ``tests/hostile/plugins``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasm_plugins.scopes.origins import Origin, check_target, parse_origin


@pytest.mark.parametrize(
    ("scheme", "authority", "expected"),
    [
        ("https", "api.example.com", "https://api.example.com"),
        ("HTTPS", "API.Example.COM.", "https://api.example.com"),
        ("https", "api.example.com:443", "https://api.example.com"),
        ("http", "api.example.com:80", "http://api.example.com"),
        ("http", "api.example.com:443", "http://api.example.com:443"),
        ("https", "xn--mnchen-3ya.example:8443", "https://xn--mnchen-3ya.example:8443"),
        ("http", "localhost", "http://localhost"),
        ("http", "192.0.2.1:81", "http://192.0.2.1:81"),
        ("http", "[2001:db8::1]:81", "http://[2001:db8::1]:81"),
        ("http", "[::1]", "http://[::1]"),
        ("http", "a" * 63 + ".test", "http://" + "a" * 63 + ".test"),
    ],
)
def test_an_ordinary_origin_is_read(scheme: str, authority: str, expected: str) -> None:
    assert str(parse_origin(scheme, authority)) == expected


@pytest.mark.parametrize(
    "authority",
    [
        *("-a.test", "a-.test", "a..test", "a_b.test", "a" * 64 + ".test", ".".join(["a" * 50] * 6), "*.a.test"),
        *("1.2.3", "1.2.3.4.5", "999.1.1.1", "a.0x7f", "a.1"),
        *("[::1", "::1", "[1.2.3.4]", "[2001:DB8::0001]", "[::ffff:1.2.3.4]"),
    ],
)
def test_an_odd_host_is_refused(authority: str) -> None:
    with pytest.raises(ValueError):
        parse_origin("http", authority)


@given(st.text(max_size=80))
def test_whatever_is_taken_is_in_normal_form(authority: str) -> None:
    try:
        origin = parse_origin("https", authority)
    except ValueError:
        return
    assert parse_origin("https", origin.authority) == origin
    assert origin.authority.isascii()
    assert set(origin.authority) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-[]:")


@pytest.mark.parametrize("target", ["/", "/a?b=c%20d&e=[f]", "/~a;b,c:d@e!$'()*+", '/"<>^`{|}'])
def test_an_ordinary_path_is_taken(target: str) -> None:
    check_target(target)


@pytest.mark.parametrize("target", ["", "a", "/ ", "/\t", "/\x7f", "/ü", "/#", "/\\", "\n/"])
def test_an_odd_path_is_refused(target: str) -> None:
    with pytest.raises(ValueError):
        check_target(target)


def test_the_port_is_left_out_where_the_scheme_says_it() -> None:
    assert Origin("https", "a.test", 443).authority == "a.test"
    assert Origin("http", "::1", 8080).authority == "[::1]:8080"
