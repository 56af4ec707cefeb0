"""Headers of answers: whatever is written into them, what passes is one that a server can send."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wasm_plugins.answer_headers import PASSED_RESPONSE_HEADERS, caching, checked_headers
from wasm_plugins.exceptions import AnswerRefused, CallError
from wasm_plugins.runtime.log import CallLog

names = st.sampled_from(sorted(PASSED_RESPONSE_HEADERS)) | st.text(max_size=20)
values = st.text(max_size=60) | st.from_regex(r"(inline|attachment)(; ?filename\*?=.{0,30})?", fullmatch=True)


@given(st.lists(st.tuples(names, values), max_size=4))
@example([("Content-Disposition", "attachment; filename*=utf-8'x'%")])
@example([("Content-Disposition", "attachment; filename*=no-such''x")])
@example([("Content-Disposition", "attachment; filename*0*=a; filename*1=b")])
@example([("Last-Modified", "Thu, 99 Foo 99999 99:99:99 GMT")])
@example([("Location", "http://[")])
@example([("Location", "/[")])
def test_what_passes_is_known_and_has_no_control_character(headers: list[tuple[str, str]]) -> None:
    try:
        passed = checked_headers(headers, "page", CallLog(65_536))
    except CallError:
        return
    assert passed.keys() <= PASSED_RESPONSE_HEADERS
    for value in passed.values():
        assert re.fullmatch(r"[\x20-\x7e\xa0-\xff]*", value)


@given(st.text(alphabet="/\\:@.?#%&=;-_~ahtpsjvcrie[]|\t\n ", max_size=20))
def test_a_location_that_passes_stays_on_the_site(location: str) -> None:
    from urllib.parse import urljoin, urlsplit

    try:
        passed = checked_headers([("location", location)], "page", CallLog(65_536))
    except CallError:
        return
    found = urlsplit(urljoin("https://shop.example/plugins/a/b", passed["location"]))
    assert (found.scheme, found.netloc) == ("https", "shop.example")
    assert not found.path.startswith("//")


@pytest.mark.parametrize(
    ("wanted", "is_cacheable", "sent"),
    [
        (None, True, "private, no-store"),
        ("no-cache", True, "no-cache"),
        ("public,max-age=5", True, "public, max-age=5"),
        ("max-age=86401", True, "max-age=86400"),
        ("public, x", True, "private, no-store"),
        ("public", False, "private, no-store"),
    ],
)
def test_caching_is_the_plugins_own_only_where_it_may_be(wanted: str | None, is_cacheable: bool, sent: str) -> None:
    assert caching(wanted, is_cacheable=is_cacheable) == sent


SECRET = "alpha-bravo-charlie-delta-echo-foxtrot-golf"


def _log_that_knows(secret: str) -> CallLog:
    log = CallLog(65_536)
    log.redactor.hide(secret)
    return log


@pytest.mark.parametrize(
    "written", [SECRET, f"x-{SECRET}", SECRET.encode().hex(), f"x-{'y' * 30}-{SECRET.encode().hex()}"]
)
def test_a_secret_in_the_name_of_a_header_that_is_dropped_is_not_logged(written: str) -> None:
    log = _log_that_knows(SECRET)
    assert checked_headers([(written, "1"), ("X-Other", "2")], "page", log) == {}
    (line,) = log.lines
    assert "X-Other" in line.text
    assert all(part not in line.text for part in (SECRET[:8], SECRET.encode().hex()[:8]))


def test_a_secret_in_the_name_of_a_header_that_is_refused_is_in_no_error() -> None:
    with pytest.raises(AnswerRefused) as refused:
        checked_headers([(f"no header {SECRET.encode().hex()}", "1")], "page", _log_that_knows(SECRET))
    assert SECRET.encode().hex()[:8] not in str(refused.value)
