"""Each process says which generation it serves: seldom, in a row of its own, and for the processes of its jobs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from wasm_plugins import processes
from wasm_plugins.models import Generation, ServingProcess
from wasm_plugins.registry import registry

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _speaks(settings: Settings) -> Iterator[None]:
    settings.WASM_PLUGINS_PROCESS_REPORT_S = 60
    processes._voice.reset()
    yield
    processes._voice.reset()
    processes._voice.is_for_children = False


def _look() -> None:
    registry.invalidate()
    registry.current()


def test_a_process_has_one_row_that_follows_the_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_LEAST_S", 0.0)
    for _ in range(2):
        token = Generation.bump()
        _look()
        row = ServingProcess.objects.get()
        assert (row.token, row.pid) == (token, os.getpid())


def test_what_was_said_a_moment_ago_is_not_said_again() -> None:
    Generation.bump()
    _look()
    with CaptureQueriesContext(connection) as queries:
        _look()
    assert not [query for query in queries if "servingprocess" in query["sql"]]


def test_a_call_that_need_not_look_costs_no_query() -> None:
    _look()
    registry.fresh_until = float("inf")
    try:
        with CaptureQueriesContext(connection) as queries:
            registry.current()
        assert len(queries) == 0
    finally:
        registry.invalidate()


def test_nothing_is_said_where_the_project_wants_none(settings: Settings) -> None:
    settings.WASM_PLUGINS_PROCESS_REPORT_S = 0
    Generation.bump()
    _look()
    assert not ServingProcess.objects.exists()


def test_a_forked_process_is_another_one_unless_its_parent_speaks_for_it() -> None:
    Generation.bump()
    _look()
    processes._voice.after_fork()
    _look()
    assert ServingProcess.objects.count() == 2
    processes.speak_for_children()
    before = processes._voice.id
    processes._voice.after_fork()
    assert processes._voice.id == before


def test_work_horses_that_say_the_same_write_nothing() -> None:
    processes.speak_for_children()
    Generation.bump()
    _look()
    processes._voice.told_at_s = float("-inf")  # as in the next work horse, which has said nothing yet
    with CaptureQueriesContext(connection) as queries:
        _look()
    said = [query["sql"] for query in queries if "servingprocess" in query["sql"]]
    assert said
    assert all(sql.startswith("SELECT") for sql in said)


@pytest.mark.parametrize(
    ("argv", "program"),
    [
        (["/srv/venv/bin/gunicorn", "--env", "KEY=secret"], "gunicorn"),
        (["manage.py", "plugins", "worker", "--burst"], "manage.py plugins worker"),
        (["manage.py", "runserver", "8000"], "manage.py runserver"),
        (["/usr/lib/python3/uvicorn/__main__.py", "x"], "uvicorn"),
        ([], ""),
    ],
)
def test_a_program_is_named_without_its_arguments(
    monkeypatch: pytest.MonkeyPatch, argv: list[str], program: str
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    assert processes._program() == program
