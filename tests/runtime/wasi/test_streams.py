"""Output of a plugin: it arrives in the call's log by lines, bounded; input is at its end."""

from __future__ import annotations

import pytest

from tests.runtime.wasi.probe import CLOSED, Probe
from wasm_plugins.exceptions import LimitExceeded, PluginTrapped
from wasm_plugins.runtime.log import LINE_BYTES, LINE_COSTS, TRUNCATED, CallLog
from wasm_plugins.runtime.wasi.streams import WRITE_BYTES


def test_standard_output_is_info_and_there_is_room_for_more(probe: Probe) -> None:
    assert probe.ask("print", 2) == WRITE_BYTES
    assert probe.lines == [("info", "hello"), ("info", "hello")]


def test_a_line_without_its_end_is_kept_when_the_call_ends(probe: Probe) -> None:
    probe.ask("print-part")
    assert probe.lines == [("error", "no end")]


def test_a_line_without_its_end_is_kept_when_the_call_crashes(probe: Probe) -> None:
    with pytest.raises(PluginTrapped):
        probe.ask("print-then-trap")
    assert probe.lines == [("error", "no end")]


def test_ten_thousand_prints_stay_within_the_limit_of_the_log(probe: Probe) -> None:
    kept = 10
    log_bytes = kept * (len("hello") + LINE_COSTS)
    assert probe.ask("print", 10_000, log_bytes=log_bytes, deadline_ms=60_000) == WRITE_BYTES
    assert probe.lines == [("info", "hello")] * kept + [("warn", TRUNCATED)]


def test_zeroes_are_escaped(probe: Probe) -> None:
    probe.ask("write-zeroes", 2)
    assert probe.lines == [("info", "\\x00\\x00")]


def test_a_write_of_the_promised_size_is_taken_and_cut_to_a_line(probe: Probe) -> None:
    assert probe.ask("write-at-once", WRITE_BYTES) == 0
    assert len(probe.log.lines) == 1


@pytest.mark.parametrize("export", ["write-at-once", "write-zeroes"])
def test_a_write_of_more_than_was_promised_ends_the_call(probe: Probe, export: str) -> None:
    with pytest.raises(LimitExceeded) as caught:
        probe.ask(export, WRITE_BYTES + 1)
    assert caught.value.limit == "write_bytes"


def test_a_number_of_zeroes_beyond_all_memory_ends_the_call(probe: Probe) -> None:
    with pytest.raises(LimitExceeded):
        probe.ask("write-zeroes", 2**64 - 1)


@pytest.mark.parametrize("export", ["read-input", "copy-input"])
@pytest.mark.parametrize("size", [0, 1, 2**64 - 1])
def test_standard_input_is_at_its_end(probe: Probe, export: str, size: int) -> None:
    assert probe.ask(export, size) == CLOSED


def test_a_log_joins_the_parts_of_a_line_for_each_level() -> None:
    log = CallLog(1_000)
    for level, data in [("info", b"o"), ("error", b"e"), ("info", b"ne\ntw"), ("error", b"rr\n"), ("info", b"o")]:
        log.write_bytes(level, data)
    log.flush()
    log.flush()
    assert [(line.level, line.text) for line in log.lines] == [("info", "one"), ("error", "err"), ("info", "two")]


def test_a_log_joins_a_character_that_was_cut_in_two() -> None:
    log = CallLog(1_000)
    log.write_bytes("info", "ö".encode()[:1])
    log.write_bytes("info", "ö".encode()[1:] + b"\n\xff\n")
    assert [line.text for line in log.lines] == ["ö", "\ufffd"]


def test_a_log_keeps_no_more_of_an_endless_line_than_of_any_line() -> None:
    log = CallLog(10 * LINE_BYTES)
    for _ in range(100):
        log.write_bytes("info", b"x" * LINE_BYTES)
    log.write_bytes("info", b"\nnext")
    log.flush()
    assert [len(line.text) for line in log.lines] == [LINE_BYTES, 4]


def test_a_log_that_fills_up_within_one_text_is_marked() -> None:
    log = CallLog(4)
    log.write("info", "one\ntwo\nthree")
    log.write_bytes("info", b"four\n")
    log.flush()
    assert [line.text for line in log.lines] == ["one", TRUNCATED]
