"""What a failure looks like in the project's log, whatever a plugin put into it."""

from __future__ import annotations

import logging

import pytest
from django.test import Client

from tests.components import json_handler, plugin_component, route, trap
from tests.installed import install
from wasm_plugins.exceptions import AnswerRefused, PluginTrapped
from wasm_plugins.failure_text import LINE_CHARS, MOST_LINES, failure_text
from wasm_plugins.models import Route
from wasm_plugins.registry import mark_changed

NAME_OF_MODULE = b"\x04name\x00\x05\x04"
"""What comes before a module's name of four bytes in its name section (WebAssembly core specification, 7.4)."""

NASTY = "\x1b[2J\nERROR forged\r\u202e\x00"


def check_tame(text: str) -> None:
    first, *rest = text.split("\n")
    assert first.isprintable()
    assert all(line.startswith("    ") and line.isprintable() for line in rest)
    assert len(rest) < MOST_LINES
    assert all(len(line) <= LINE_CHARS + 4 for line in rest)


def test_nothing_of_a_plugin_begins_a_line_or_is_a_control_character() -> None:
    trapped = PluginTrapped(f"crashed {NASTY}", export="page", backtrace=f"0: {NASTY}\n" * 5_000, plugin="pages")
    trapped.__cause__ = ValueError(NASTY)
    check_tame(failure_text(trapped))


def test_it_is_bounded_however_much_led_to_it() -> None:
    error: BaseException = ValueError("x" * 100_000)
    for _ in range(100):
        outer = AnswerRefused("y" * 100_000, export="page")
        outer.__cause__ = error
        error = outer
    error.__cause__.__cause__ = error  # type: ignore[union-attr]
    text = failure_text(error)
    check_tame(text)
    assert len(text) < 30_000


def test_it_says_what_led_to_it_and_where() -> None:
    try:
        try:
            raise KeyError("the first")
        except KeyError as error:
            raise AnswerRefused("cannot be passed on", export="page", plugin="pages", version=2) from error
    except AnswerRefused as error:
        text = failure_text(error)
    assert text.startswith("pages version 2: cannot be passed on\n")
    assert "because of KeyError: 'the first'" in text
    assert "test_failure_text.py" in text


class _Speechless(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError("no text")


def test_an_error_without_a_text_does_not_hide_the_one_that_it_led_to() -> None:
    refused = AnswerRefused("cannot be passed on", export="page")
    refused.__cause__ = _Speechless()
    text = failure_text(refused)
    assert text.startswith("cannot be passed on\n")
    assert "because of _Speechless: " in text
    assert failure_text(_Speechless()), "even where nothing else is there"


@pytest.mark.django_db
def test_the_names_in_a_backtrace_forge_no_line_in_the_projects_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    component = plugin_component("pages", routes=[route("/pages/one", json_handler(trap()))])
    assert NAME_OF_MODULE + b"main" in component
    install(component.replace(NAME_OF_MODULE + b"main", NAME_OF_MODULE + b"\x1b[2\n"))
    Route.objects.update(access="public")
    mark_changed()
    with caplog.at_level(logging.WARNING):
        assert client.get("/plugins/pages/one").status_code == 502
    (record,) = [each for each in caplog.records if each.name == "wasm_plugins.routes"]
    check_tame(record.getMessage())
    assert record.exc_info is None
    assert "[2" in record.getMessage(), "the name is in the backtrace"
