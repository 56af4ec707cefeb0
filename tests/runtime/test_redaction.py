"""What is to be hidden is found in every usual spelling, and nothing else is touched."""

from __future__ import annotations

import base64
import html
import json
import random
import string
import time
import traceback
from typing import NamedTuple
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasm_plugins.exceptions import PluginTrapped
from wasm_plugins.runtime.redaction import LEAST_CHARS, STARS, Redactor, redact_error

SECRET = 's3cr€t/va+lue&"q"\n<b>'


def _hiding(*values: str) -> Redactor:
    redactor = Redactor()
    for value in values:
        redactor.hide(value)
    return redactor


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps({"key": SECRET}, ensure_ascii=False),
        repr(SECRET),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        html.escape(SECRET),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
    ],
)
def test_a_value_is_hidden_however_it_is_written(written: str) -> None:
    redacted = _hiding(SECRET).redact(f"before {written} after")
    assert STARS in redacted
    assert "3cr" not in redacted
    assert SECRET.encode().hex()[4:12] not in redacted.lower()
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")


@given(st.text(min_size=LEAST_CHARS), st.text(), st.text())
def test_a_value_is_hidden_in_base64_whatever_stands_around_it(value: str, before: str, after: str) -> None:
    value, before, after = (each.encode(errors="replace").decode() for each in (value, before, after))
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode((before + value + after).encode()).decode()
        assert _hiding(value).redact(whole) != whole


@given(st.text(min_size=LEAST_CHARS), st.text(), st.text())
def test_no_value_is_left_in_any_text(value: str, before: str, after: str) -> None:
    redacted = _hiding(value).redact(before + value + after)
    assert value not in redacted or value in STARS + before + STARS + after + STARS


@given(st.text(max_size=50), st.text(min_size=LEAST_CHARS, max_size=30), st.integers(0, 60))
def test_a_text_that_is_cut_does_not_end_with_a_part_of_a_value(before: str, value: str, most: int) -> None:
    marked = "\ue000" + "".join(chr(0xE001 + ord(char) % 500) for char in value)  # stands in nothing else
    plain = "".join(char for char in before if not 0xE000 <= ord(char) <= 0xE1FF)
    started = _hiding(marked).redact_start(plain + marked * 3, most)
    assert len(started) <= most
    assert not any(0xE000 <= ord(char) <= 0xE1FF for char in started)


def test_each_line_of_a_value_of_several_is_hidden_by_itself() -> None:
    redactor = _hiding("first line\nsecond line")
    assert redactor.redact("second line\nfirst line") == f"{STARS}\n{STARS}"


def test_a_value_that_is_part_of_another_does_not_uncover_the_rest() -> None:
    assert _hiding("abcd", "abcd-efgh").redact("abcd-efgh abcd") == f"{STARS} {STARS}"


def test_a_short_value_is_left_alone() -> None:
    assert _hiding("abc").redact("abc") == "abc"


def test_a_value_of_a_plugin_is_redacted_however_deep() -> None:
    redactor = _hiding("hunter22")
    found = redactor.redact_value({"a": ["hunter22", ("x hunter22", b"hunter22", 7)]})
    assert found == {"a": [STARS, (f"x {STARS}", b"***", 7)]}


def test_what_is_left_of_a_value_that_somebody_cut_is_hidden_too() -> None:
    redactor = _hiding("correct-horse-battery-staple")
    assert redactor.redact("name 'correct-horse-bat' is none, correct-horse-") == f"name '{STARS}' is none, {STARS}"
    assert redactor.redact("correct") == "correct"


def test_an_exception_is_redacted_with_all_that_led_to_it() -> None:
    redactor = _hiding("hunter22")
    try:
        try:
            raise KeyError("hunter22", 7)
        except KeyError as cause:
            cause.add_note("it was hunter22")
            raise PluginTrapped("hunter22", export="run", backtrace="at hunter22") from cause
    except PluginTrapped as error:
        redact_error(error, redactor)
        shown = "".join(traceback.format_exception(error)).replace('"hunter22"', "")  # the test's own lines
        assert "hunter22" not in shown.replace('"it was hunter22"', "").replace('"at hunter22"', "")
        assert (error.message, error.backtrace, error.args) == (STARS, f"at {STARS}", (STARS,))


def test_a_circle_of_causes_ends() -> None:
    first, second = ValueError("hunter22"), ValueError("hunter22")
    first.__cause__, second.__context__ = second, first
    redact_error(first, _hiding("hunter22"))
    assert (str(first), str(second)) == (STARS, STARS)


class _Stubborn(Exception):
    """Has an attribute that cannot be set, and one that contains itself."""

    def __init__(self) -> None:
        super().__init__("hunter22")
        self.itself: list[object] = ["hunter22"]
        self.itself.append(self.itself)
        self.point = _Point("hunter22")

    def __setattr__(self, name: str, value: object) -> None:
        if name == "point" and "point" in vars(self):
            raise AttributeError("read-only")
        super().__setattr__(name, value)


class _Point(NamedTuple):
    x: str


def test_an_exception_that_resists_stays_the_failure_that_it_is() -> None:
    error = _Stubborn()
    redact_error(error, _hiding("hunter22"))
    assert (str(error), error.itself[0], type(error.point)) == (STARS, STARS, _Point)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "hunter22 is not there", "/run/hunter22", None, "/to/hunter22"),
        FileNotFoundError(2, b"hunter22", b"/run/hunter22"),
        ImportError("no hunter22", name="hunter22", path="/lib/hunter22"),
        ExceptionGroup("several", [ValueError("hunter22"), ExceptionGroup("inside", [OSError(2, "", "hunter22")])]),
    ],
)
def test_what_an_exception_keeps_beside_its_arguments_is_redacted(error: Exception) -> None:
    redact_error(error, _hiding("hunter22"))
    assert "hunter22" not in "".join(traceback.format_exception(error))


def test_the_names_of_files_are_redacted() -> None:
    error = OSError(2, "hunter22", "/run/hunter22", None, "/to/hunter22")
    redact_error(error, _hiding("hunter22"))
    assert (error.strerror, error.filename, error.filename2) == (STARS, f"/run/{STARS}", f"/to/{STARS}")
    assert error.errno == 2


def test_every_member_of_a_large_group_is_redacted() -> None:
    group = ExceptionGroup("many", [ValueError("hunter22") for _ in range(100)])
    redact_error(group, _hiding("hunter22"))
    assert {str(each) for each in group.exceptions} == {STARS}


_MEBIBYTE = 1024 * 1024


def _fastest_s(redactor: Redactor, text: str) -> float:
    """Return what it takes of this thread's time, which a machine that is busy lengthens little."""
    took_s = []
    for _ in range(5):
        began = time.thread_time()
        redactor.redact(text)
        took_s.append(time.thread_time() - began)
    return min(took_s)


def _random(length: int, seed: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=length))


def _many(kind: str) -> Redactor:
    """Return one that knows as many secrets as a plugin may have."""
    values = {
        "keys": lambda seed: _random(40, seed),
        "with symbols": lambda seed: _random(40, seed, string.printable),
        "certificates": lambda seed: "\n".join(_random(64, 1_000 * seed + line) for line in range(200)),
        "lists": lambda seed: "\n".join(_random(8, 5_000 * seed + line) for line in range(1_000)),
    }
    return _hiding(*(values[kind](seed) for seed in range(64)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["keys", "with symbols", "certificates", "lists"])
@pytest.mark.parametrize("text", ["json", "random", "full of beginnings"])
def test_the_largest_text_takes_no_time_to_speak_of_with_as_many_secrets_as_there_may_be(kind: str, text: str) -> None:
    redactor = _many(kind)
    texts = {
        "json": json.dumps([{"number": n, "name": f"customer {n}", "note": "nothing"} for n in range(20_000)]),
        "random": _random(_MEBIBYTE, 1),
        "full of beginnings": (_random(40, 7)[:9] + "?") * (_MEBIBYTE // 10),
    }
    assert _fastest_s(redactor, texts[text][:_MEBIBYTE]) < 1  # seen: 0.02 to 0.25 where nothing else runs


def test_a_text_that_is_full_of_secrets_is_stars_as_a_whole() -> None:
    values = [_random(40, seed) for seed in range(64)]
    text = "".join(value[:20] + "?" for value in values) * 100
    assert _hiding(*values).redact(text) == STARS


def test_a_value_is_hidden_in_a_text_that_is_long() -> None:
    values = [_random(40, seed) for seed in range(64)]
    for at in range(0, 40, 7):
        text = "x" * (_MEBIBYTE + at) + values[at] + "y" * _MEBIBYTE + values[at].encode().hex()
        assert _hiding(*values).redact(text) == f"{'x' * (_MEBIBYTE + at)}{STARS}{'y' * _MEBIBYTE}{STARS}"
