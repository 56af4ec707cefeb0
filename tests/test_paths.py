"""Which paths are looked up at all."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from wasm_plugins.exceptions import RouteNotFound
from wasm_plugins.paths import check_path


@pytest.mark.parametrize(
    "path", ["/loyalty", "/loyalty/", "/loyalty/points", "/a-1/b.c/~d/_e/F-2", "/loyalty/points/", "/a/" + "b" * 197]
)
def test_a_path_that_a_plugin_can_declare_passes(path: str) -> None:
    check_path(RequestFactory().get("/plugins/any"), path)


@pytest.mark.parametrize(
    "path", ["", "/", "//", "/Loyalty", "/1a", "/a--b", "/a/.b", "/a//b", "/a/b//", "/a b", "/a/b\n"]
)
def test_any_other_does_not(path: str) -> None:
    with pytest.raises(RouteNotFound):
        check_path(RequestFactory().get("/plugins/any"), path)


@given(st.text())
def test_what_passes_has_only_plain_characters_and_no_segment_of_dots(path: str) -> None:
    try:
        check_path(RequestFactory().get("/plugins/any"), path)
    except RouteNotFound:
        return
    assert path.isascii()
    assert path.isprintable()
    assert not any(segment.startswith(".") for segment in path.split("/"))
