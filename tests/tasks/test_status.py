"""What whoever asked for a run is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tasks.installed import MakeRun
from wasm_plugins.models import Plugin, TaskRun
from wasm_plugins.tasks import describe_run

Status = TaskRun.Status


def test_a_finished_run_tells_its_answer(plugin: Plugin, make_run: MakeRun) -> None:
    told = describe_run(make_run(plugin, status=Status.FINISHED, result='{"a": [1]}'))
    assert (told["plugin"], told["task"], told["status"]) == ("loyalty", "recount", "finished")
    assert told["result"] == {"a": [1]}
    assert told["error"] is None
    json.dumps(told)


@pytest.mark.parametrize(
    ("stored", "result"), [("", None), ("plain words", "plain words"), ("NaN", "NaN"), ("[" * 99_999, "[" * 99_999)]
)
def test_an_answer_that_is_no_json_is_told_as_text(plugin: Plugin, make_run: MakeRun, stored: str, result: Any) -> None:
    assert describe_run(make_run(plugin, status=Status.FINISHED, result=stored))["result"] == result


def test_progress_is_told_while_it_runs(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.RUNNING, progress_percent=40, progress_message="counting")
    assert describe_run(run)["progress"] == {"percent": 40, "message": "counting"}


def test_a_plugins_own_words_are_told(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.FAILED, error_code="plugin-failed", error="no such customer")
    assert describe_run(run)["error"] == {"code": "plugin-failed", "message": "no such customer"}


@pytest.mark.parametrize("code", ["plugin-trapped", "host-error", "interrupted", "run-lost", "run-not-started"])
def test_nothing_of_the_servers_inside_is_told(plugin: Plugin, make_run: MakeRun, code: str) -> None:
    run = make_run(plugin, status=Status.FAILED, error_code=code, error="at /srv/secret.py", log="secret log")
    told = describe_run(run)
    assert told["error"]["code"] == code
    assert "secret" not in json.dumps(told)


def test_what_an_attempt_spent_is_told_to_staff_only(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, used={"host_calls": [3, 10_000]})
    assert "used" not in describe_run(run)
    assert describe_run(run, for_staff=True)["used"] == {"host_calls": [3, 10_000]}
