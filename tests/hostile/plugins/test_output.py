"""Plugins that write too much, forge log lines, or answer too much."""

from __future__ import annotations

import gc
import io
import json
import logging
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.components import http_handler, ok
from tests.host_imports import Step, log
from tests.hostile.plugins.hostile import LIMIT, PAGE_BYTES, answer_of, ask, is_well, outcome, raw, serve
from tests.wat import HostImport, Memory
from wasm_plugins import lifecycle
from wasm_plugins.conf import conf

pytestmark = pytest.mark.django_db

MIB = 1024 * 1024
SLACK_BYTES = 10 * MIB


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON, as many projects do."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return json.dumps({"level": record.levelname, "message": record.getMessage()}, ensure_ascii=False)


class Written:
    """What a project's handlers made of what plugins wrote."""

    def __init__(self) -> None:
        self.records: list[logging.LogRecord] = []
        self.plain, self.json = io.StringIO(), io.StringIO()

    @property
    def text(self) -> str:
        """All that was written."""
        return self.plain.getvalue() + self.json.getvalue()


@pytest.fixture
def written() -> Iterator[Written]:
    """Attach real handlers with formatters to the logger that plugins write to."""
    written, logger = Written(), logging.getLogger("wasm_plugins.plugin")
    plain, as_json = logging.StreamHandler(written.plain), logging.StreamHandler(written.json)
    plain.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    as_json.setFormatter(JsonFormatter())
    keeper = logging.Handler()
    keeper.emit = written.records.append  # type: ignore[assignment]
    handlers, level = (plain, as_json, keeper), logger.level
    logger.setLevel(logging.DEBUG)
    for handler in handlers:
        logger.addHandler(handler)
    yield written
    for handler in handlers:
        logger.removeHandler(handler)
    logger.setLevel(level)


def _resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _many(calls: int, step: Step) -> Any:
    """Take a step many times, then answer ok."""
    return raw(
        f"""(local.set $failed (i32.const {calls}))
        (loop $again {{0}}
          (local.set $failed (i32.sub (local.get $failed) (i32.const 1)))
          (br_if $again (local.get $failed))) {{ok}}""",
        first=(step,),
    )


def _long(size: int, times: int = 1) -> Any:
    """Log one text of some size, which lies in memory that is grown for it."""

    def body(memory: Memory, shape: Any) -> tuple[str, tuple[Step | HostImport, ...]]:
        step, done = log("x"), memory.words(0, *memory.text("{}"))
        at = 2 * PAGE_BYTES
        return (
            f"""(drop (memory.grow (i32.const {size // PAGE_BYTES + 3})))
            (memory.fill (i32.const {at}) (i32.const 97) (i32.const {size}))
            (local.set $failed (i32.const {times}))
            (loop $again
              (call {step.imported.symbol} (i32.const 2) (i32.const 0) (i32.const 0) (i32.const {at})
                (i32.const {size}))
              (local.set $failed (i32.sub (local.get $failed) (i32.const 1)))
              (br_if $again (local.get $failed)))
            (i32.const {done})""",
            (step,),
        )

    return body


def _check_bounds(written: Written) -> None:
    """Assert what holds of every call's log: its bounds, one mark, one physical line for each record."""
    texts = [record.getMessage() for record in written.records]
    assert 0 < len(texts) <= 200
    assert sum(len(text.encode()) for text in texts) <= 64 * 1024
    assert sum("log-truncated" in text for text in texts) == 1
    assert texts[-1].endswith("log-truncated")
    _check_lines(written)


def _check_lines(written: Written) -> None:
    for stream in (written.plain, written.json):
        lines = stream.getvalue().split("\n")[:-1]
        assert len(lines) == len(written.records)
        assert all(line.isprintable() for line in lines)
    for line in written.plain.getvalue().splitlines():
        assert " wasm_plugins.plugin hostile 1: " in line
    for line in written.json.getvalue().splitlines():
        assert json.loads(line)["message"].startswith("hostile 1: ")


def test_hp_08_a_million_log_calls_end_at_the_limit_of_host_calls(client: Client, written: Written) -> None:
    serve({"flood": _many(1_000_000, log("again"))})
    assert outcome(ask(client, "flood")) == LIMIT
    _check_bounds(written)
    assert is_well(client)


def test_hp_08_a_flood_within_the_limit_of_host_calls_is_cut_and_the_plugin_answers(
    client: Client, written: Written
) -> None:
    serve({"flood": _many(2_000, log("again"))})
    assert ask(client, "flood").status_code == 200
    _check_bounds(written)
    assert len(written.records) == 200


@pytest.mark.parametrize("text", ["x" * 4_000, "\x1b" * 4_000, "\N{PILE OF POO}" * 1_000, "\n" * 4_000])
def test_hp_08_long_lines_are_cut_at_the_limit_of_bytes(client: Client, written: Written, text: str) -> None:
    serve({"flood": _many(500, log(text))})
    assert ask(client, "flood").status_code == 200
    _check_bounds(written)


def test_hp_08_a_line_of_fifty_megabytes_is_a_limit_before_it_becomes_a_text(client: Client, written: Written) -> None:
    serve({"line": _long(50 * MIB)})
    assert is_well(client)
    before = _resident_bytes()
    assert outcome(ask(client, "line")) == LIMIT
    assert _resident_bytes() - before < SLACK_BYTES
    assert written.records == []


def test_hp_08_a_line_of_twenty_megabytes_is_kept_as_four_kilobytes(client: Client, written: Written) -> None:
    serve({"line": _long(20 * MIB)})
    assert ask(client, "line").status_code == 200
    (record,) = written.records
    assert len(record.getMessage()) <= 4 * 1024 + len("hostile 1: test: ")
    _check_lines(written)


FORGERIES = [
    "one\r\nERROR root the database is gone",
    "one\rtwo",
    "\x1b[2J\x1b[1;1Hclean",
    "nul\x00nul",
    "\u202egnp.exe\u2066",
    "bell\x07 back\x08 delete\x7f next\x85 csi\x9b31m",
    "line\u2028paragraph\u2029",
    "tab\tseparated",
    '{"level": "CRITICAL", "message": "root logged in"}',
    '"}\n{"level": "CRITICAL", "message": "root logged in"}',
    "%s %d %(name)s {0} {name}",
]


@pytest.mark.parametrize("text", FORGERIES)
@pytest.mark.parametrize("context", ["", "one\r\ntwo\x1b[2J"])
def test_hp_08_nothing_a_plugin_writes_forges_a_line(client: Client, written: Written, text: str, context: str) -> None:
    serve({"forge": ok("{}", first=[log(text, context=context)])})
    assert ask(client, "forge").status_code == 200
    assert written.records
    _check_lines(written)


def test_hp_09_a_result_of_sixty_megabytes_is_a_limit_and_leaves_no_memory_behind(client: Client) -> None:
    size = 60_000_000
    grow = f"(drop (memory.grow (i32.const {size // PAGE_BYTES + 3})))"
    at = f"(i32.const {2 * PAGE_BYTES})"

    def body(memory: Memory, shape: Any) -> tuple[str, tuple[Step | HostImport, ...]]:
        text, steps = answer_of(f"(i32.const {size})", at=at)(memory, shape)
        return grow + text, steps

    serve({"huge": body})
    assert is_well(client)
    before = _resident_bytes()
    response = ask(client, "huge")
    assert outcome(response) == LIMIT
    assert _resident_bytes() - before < SLACK_BYTES
    assert is_well(client)


def _body_of(size: int, case: int) -> Any:
    """Answer a ``response`` whose body is some bytes of memory."""

    def body(memory: Memory, shape: Any) -> tuple[str, tuple[Step | HostImport, ...]]:
        answer = memory.words(0, 200, 0, 0, case, 2 * PAGE_BYTES, size)
        return f"(drop (memory.grow (i32.const {size // PAGE_BYTES + 3}))) (i32.const {answer})", ()

    return body


def _text_of(size: int) -> Any:
    """Answer a JSON text: blanks with a number before them."""

    def body(memory: Memory, shape: Any) -> tuple[str, tuple[Step | HostImport, ...]]:
        at = 2 * PAGE_BYTES
        text, steps = answer_of(f"(i32.const {size})", at=f"(i32.const {at})")(memory, shape)
        fill = f"(memory.fill (i32.const {at}) (i32.const 32) (i32.const {size}))"
        one = f"(i32.store8 (i32.const {at}) (i32.const 49))"
        return f"(drop (memory.grow (i32.const {size // PAGE_BYTES + 3}))) {fill} {one} {text}", steps

    return body


@pytest.mark.parametrize("more", [0, 1])
def test_hp_09_a_body_is_passed_on_up_to_its_limit_and_not_a_byte_more(client: Client, more: int) -> None:
    size = conf.RESPONSE_BODY_BYTES + more
    serve(
        {
            "json": _text_of(size),
            "text": http_handler(_body_of(size, 1)),
            "bytes": http_handler(_body_of(size, 2)),
        }
    )
    names = ("json", "text", "bytes")
    _check_bodies(client, names, size, fits=not more)
    if not more:  # the allocator keeps some of what bodies of this size took the first time; what failed would sleep
        before = _resident_bytes()
        _check_bodies(client, names * 3, size, fits=True)
        assert _resident_bytes() - before < SLACK_BYTES


def _check_bodies(client: Client, names: Sequence[str], size: int, *, fits: bool) -> None:
    for name in names:
        response = ask(client, name)
        if fits:
            assert (response.status_code, len(response.content)) == (200, size)
        else:
            assert outcome(response) == LIMIT


def test_hp_09_a_plugin_may_have_a_smaller_answer_of_its_own(client: Client) -> None:
    lifecycle.set_limits(serve({"json": _text_of(10_000)}), {"result_bytes": 5_000})
    assert outcome(ask(client, "json")) == LIMIT
