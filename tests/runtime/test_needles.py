"""Looking for very many texts at once finds what looking for each by itself finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasm_plugins.runtime import needles as module
from wasm_plugins.runtime.needles import Needles


@pytest.fixture(autouse=True, scope="module")
def _always_by_pieces() -> object:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "DIRECT_CHARS", -1)
        yield


_few_letters = st.text(alphabet="ab", min_size=1, max_size=40)


@given(st.lists(_few_letters, max_size=20), st.text(alphabet="ab", max_size=300))
def test_whatever_stands_in_a_text_is_a_candidate(wanted: list[str], text: str) -> None:
    needles = Needles()
    for each in wanted:
        needles.add(each)
    found = needles.candidates(text)
    assert {each for each in wanted if each in text} <= set(found)
    assert [len(each) for each in found] == sorted(map(len, found), reverse=True)


@given(_few_letters, st.integers(0, 60), st.integers(0, 60))
def test_it_is_found_at_every_place(needle: str, before: int, after: int) -> None:
    needles = Needles()
    needles.add(needle)
    assert needles.candidates("c" * before + needle + "c" * after) == (needle,)


def test_what_has_nothing_in_common_with_a_text_is_no_candidate() -> None:
    needles = Needles()
    for number in range(1_000):
        needles.add(f"{number:04}-secret-of-many")
    assert needles.candidates("nothing of it stands here " * 1_000) == ()


def test_the_longest_is_known() -> None:
    needles = Needles()
    for each in ("ab", "abcd", "abc", "abcd"):
        needles.add(each)
    assert needles.longest == 4
