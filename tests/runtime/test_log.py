"""A call's log keeps no secret that the call has read, however it was written into it."""

from __future__ import annotations

import pytest

from wasm_plugins.runtime.log import LINE_BYTES, CallLog
from wasm_plugins.runtime.redaction import STARS

SECRET = "correct-horse-battery-staple"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----"


def _log(*secrets: str, limit_bytes: int = 64 * 1024) -> CallLog:
    log = CallLog(limit_bytes)
    for secret in secrets or (SECRET,):
        log.redactor.hide(secret)
    return log


def test_a_secret_in_a_line_is_stars() -> None:
    log = _log()
    log.write("info", f"token={SECRET}.")
    assert log.text() == f"info: token={STARS}."


def test_a_secret_that_a_stream_writes_in_pieces_is_stars() -> None:
    log = _log()
    for char in f"token={SECRET}\n":
        log.write_bytes("info", char.encode())
    assert log.text() == f"info: token={STARS}"


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_secret_of_several_lines_is_hidden_line_by_line(end: str) -> None:
    log = _log(KEY)
    log.write("info", KEY)
    log.write_bytes("error", (KEY + end).encode())
    log.flush()
    assert log.text().splitlines() == ["info: ***", *["error: ***"] * 4]


@pytest.mark.parametrize("before", range(LINE_BYTES - 40, LINE_BYTES + 8, 3))
def test_a_line_that_is_cut_inside_a_secret_ends_before_it(before: int) -> None:
    log = _log()
    log.write("info", "x" * before + SECRET)
    log.write_bytes("error", b"x" * before + SECRET.encode() + b"\n")
    log.write_bytes("error", "é".encode() * before + SECRET.encode() * 3)
    log.flush()
    assert "correct" not in log.text()


@pytest.mark.parametrize("limit_bytes", [100, 120, 128])
def test_a_log_that_is_full_inside_a_secret_ends_before_it(limit_bytes: int) -> None:
    log = _log(limit_bytes=limit_bytes)
    log.write("info", "x" * 100 + SECRET)
    assert "corr" not in log.text()


def test_many_secrets_cost_little() -> None:
    log = _log(*(f"{number:05}{SECRET * 30}" for number in range(64)), limit_bytes=1024 * 1024)
    for _ in range(20):
        log.write("info", "x" * 4_000)
    assert len(log.lines) == 20
