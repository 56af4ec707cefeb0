"""``wasm-plugins call``: hooks, routes and tasks under the sandbox of the host."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components import (
    answer_key,
    authorize,
    begin,
    commit,
    err,
    http_handler,
    json_handler,
    ok,
    ok_response,
    plugin_component,
    progress,
    rollback,
    route,
    sql,
    text_hook,
)
from tests.host_imports import Step, config_get, config_get_all
from tests.kit.plugins import TOML, greeter, kit
from wasm_plugins.conf import Settings
from wasm_plugins.kit.__main__ import main
from wasm_plugins.kit.trial import DEADLINES_MS


def _file(folder: Path, data: bytes) -> Path:
    path = folder / "plugin.wasm"
    path.write_bytes(data)
    return path


def test_a_hook_answers_with_its_log_and_what_it_cost(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = kit(capsys, "call", greeter(here), "hook", "order-placed", "42", "gift")
    assert (report["answer"], report["error"]) == ("thank you", None)
    assert report["log"] == [{"level": "info", "text": "test: one order"}]
    assert 0 < report["memory_bytes"]["enough"] <= report["memory_bytes"]["limit"]
    assert report["used"]["host_calls"] == {"used": 1, "limit": 10_000}
    assert report["elapsed_ms"] > 0


def test_the_same_for_people(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", str(greeter(here)), "hook", "order-placed", "42", '"gift"']) == 0
    told = capsys.readouterr().out
    assert told.startswith("thank you\n")
    assert "memory" in told


@pytest.mark.parametrize(
    ("hook", "code"),
    [("order-refused", "plugin-failed"), ("order-trapped", "plugin-trapped"), ("order-spun", "deadline-exceeded")],
)
def test_a_hook_that_gives_no_answer_is_status_1(
    hook: str, code: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--limit", "deadline_ms=50"]
    report = kit(capsys, "call", greeter(here), "hook", hook, "1", "x", *options, status=1)
    assert (report["error"]["code"], report["answer"]) == (code, None)
    assert report["error"]["detail"] == ("no" if hook == "order-refused" else None)


def test_a_route_gets_the_input_that_a_host_makes(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--body", '{"a": 1, "claims": "forged"}', "--user", "ada"]
    answer = kit(capsys, "call", greeter(here), "route", "post", "/greeter/echo?b=2&b=3", *options)["answer"]
    assert answer["a"] == 1
    assert answer["claims"]["username"] == "ada"
    assert answer["request"] == {"method": "POST", "path": "/greeter/echo", "query": {"b": ["2", "3"]}}


@pytest.mark.parametrize(("status", "exit_status"), [(200, 0), (404, 1)])
def test_a_route_may_answer_a_response(
    status: int, exit_status: int, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = http_handler(ok_response(status, "hello", [("content-type", "text/plain")]))
    path = _file(here, plugin_component(routes=[route("/greeter/page", handler)]))
    answer = kit(capsys, "call", path, "route", "GET", "/greeter/page", status=exit_status)["answer"]
    assert answer == {"status": status, "headers": [["content-type", "text/plain"]], "body": {"text": "hello"}}


def test_a_route_does_not_take_other_methods(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = kit(capsys, "call", greeter(here), "route", "DELETE", "/greeter/echo", status=1)
    assert report["error"] == {
        "code": "method-not-allowed",
        "message": "/greeter/echo takes GET, POST, not DELETE",
        "allowed": ["GET", "POST"],
    }


def test_a_task_reports_its_progress(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = json_handler(ok("{}", first=[progress(50, "half")]))
    path = _file(here, plugin_component(tasks={"count": task}))
    report = kit(capsys, "call", path, "task", "count")
    assert report["progress"] == [{"percent": 50, "message": "half"}]
    assert report["used"]["deadline_ms"]["limit"] == 60_000


def test_a_task_is_a_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _file(here, plugin_component(tasks={"key": json_handler(answer_key())}))
    call, *_ = kit(capsys, "call", path, "task", "key", status=1)["host_calls"]  # a bare key is no JSON
    assert call["function"] == "plugins-manager:tasks/run#idempotency-key"
    assert call["answer"].startswith("ok: ")


def test_settings_come_from_a_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _file(here, plugin_component(hooks={"a": text_hook(ok("", first=[config_get("key")]))}))
    (here / "config.toml").write_text('key = "secret"')
    report = kit(capsys, "call", path, "hook", "a", "1", "x", "--config", "config.toml")
    assert [call["answer"] for call in report["host_calls"]] == ['ok: "secret"']
    (here / "config.toml").write_text("key = 1")
    assert (
        kit(capsys, "call", path, "hook", "a", "1", "x", "--config", "config.toml", status=2)["error"]["code"]
        == "usage"
    )


def test_a_setting_that_the_file_lacks_has_the_default_of_its_schema(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toml = """
[settings.properties.rate]
type = "integer"
default = 3
[settings.properties.token]
type = "string"
writeOnly = true
"""
    (here / "config.toml").write_text('token = "open"')
    hook = text_hook(ok("", first=[config_get_all()]))
    call = ["call", _file(here, plugin_component(hooks={"a": hook}, toml=toml)), "hook", "a", "1", "x"]
    assert kit(capsys, *call)["host_calls"][0]["answer"] == 'ok: [["rate", "3"]]'
    report = kit(capsys, *call, "--config", "config.toml")
    assert report["host_calls"][0]["answer"] == 'ok: [["rate", "3"], ["token", "open"]]'
    (here / "config.toml").write_text('rate = "5"')
    assert kit(capsys, *call, "--config", "config.toml")["host_calls"][0]["answer"] == 'ok: [["rate", "5"]]'


def test_who_calls_and_what_they_may_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asks = authorize("shop.view_order")
    path = _file(here, plugin_component(hooks={"a": text_hook(ok("yes", first=[asks]))}))
    call = ["call", path, "hook", "a", "1", "x"]
    assert kit(capsys, *call, "--user", "ada", "--permission", "shop.view_order")["answer"] == "yes"
    assert "shop.view_order" in kit(capsys, *call, "--user", "ada", status=1)["error"]["detail"]
    assert "logged in" in kit(capsys, *call, status=1)["error"]["detail"]
    assert kit(capsys, *call, "--permission", "shop.view_order", status=2)["error"]["code"] == "usage"


@pytest.mark.parametrize(
    "arguments",
    [
        ["hook", "order-place", "42", "gift"],
        ["hook", "order-placed", "42"],
        ["hook", "order-placed", "forty", "gift"],
        ["hook", "order-placed", "1.5", "gift"],
        ["hook", "order-placed", str(2**63), "gift"],
        ["route", "GET", "/greeter/nothing"],
        ["route", "POST", "/greeter/echo", "--body", "[]"],
        ["task", "tidy-up", "{"],
        ["task", "tidy"],
        ["task", "tidy-up", "--limit", "deadline_ms=0"],
        ["task", "tidy-up", "--limit", "patience=1"],
    ],
)
def test_what_does_not_fit_is_status_2(arguments: list[str], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert kit(capsys, "call", greeter(here), *arguments, status=2)["error"]["code"] == "usage"


def test_what_a_host_would_refuse_is_not_called(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _file(here, plugin_component("Greeter"))
    assert kit(capsys, "call", path, "task", "any", status=1)["error"]["code"] == "manifest-error"


def test_a_task_must_answer_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _file(here, plugin_component(tasks={"bad": json_handler(ok("no json")), "no": json_handler(err("no"))}))
    assert kit(capsys, "call", path, "task", "bad", status=1)["error"]["code"] == "answer-refused"
    assert kit(capsys, "call", path, "task", "no", status=1)["error"]["code"] == "plugin-failed"


def test_a_call_may_take_as_long_as_in_a_project() -> None:
    assert {
        "hook": Settings.HOOK_DEADLINE_MS,
        "route": Settings.ROUTE_DEADLINE_MS,
        "task": Settings.TASK_DEADLINE_MS,
    } == DEADLINES_MS


TABLES = "CREATE TABLE points (id INTEGER PRIMARY KEY, at DATETIME); INSERT INTO points VALUES (1, NULL);"
SCOPE = '[capabilities.database.tables]\npoints = ["select", "insert"]'


def _sql_plugin(folder: Path, *steps: Step) -> Path:
    (folder / "tables.sql").write_text(TABLES)
    return _file(folder, plugin_component(toml=TOML + SCOPE, hooks={"a": text_hook(ok("done", first=steps))}))


def test_sql_runs_on_a_database_made_from_a_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    insert = sql("INSERT INTO points (id) VALUES ($1)", 7)
    path = _sql_plugin(here, begin(), insert, commit())
    for _ in range(2):  # each call has a database of its own
        report = kit(capsys, "call", path, "hook", "a", "1", "x", "--database", "tables.sql")
        assert report["answer"] == "done"
        assert report["used"]["sql_statements"]["used"] == 1
        calls = [(call["function"].partition("#")[2], call["answer"]) for call in report["host_calls"]]
        assert calls == [("begin", "ok"), ("execute", "ok: 1"), ("commit", "ok")]
        assert report["host_calls"][1]["args"][1] == "INSERT INTO points (id) VALUES ($1)"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM points",
        "INSERT INTO other (id) VALUES (7)",
        "INSERT INTO points (id) VALUES (1)",
        "DROP TABLE points",
        "REPLACE INTO points (id) VALUES (1)",
        "no sql",
    ],
)
def test_sql_is_refused_as_the_host_refuses_it(statement: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _sql_plugin(here, sql(statement))
    report = kit(capsys, "call", path, "hook", "a", "1", "x", "--database", "tables.sql", status=1)
    assert report["error"]["code"] == "plugin-failed"


@pytest.mark.parametrize("steps", [[commit()], [rollback()], [begin("other")], [begin()] * 17])
def test_transactions_have_the_bounds_of_the_host(
    steps: list[Step], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _sql_plugin(here, *steps)
    report = kit(capsys, "call", path, "hook", "a", "1", "x", "--database", "tables.sql", status=1)
    assert report["error"]["code"] == "plugin-failed"


def test_what_is_rolled_back_is_gone_and_what_is_left_open_is_told(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    insert = sql("INSERT INTO points (id) VALUES (7)")
    path = _sql_plugin(here, begin(), insert, rollback(), begin(), insert)
    report = kit(capsys, "call", path, "hook", "a", "1", "x", "--database", "tables.sql")
    assert report["log"] == [{"level": "warn", "text": "a transaction was left open on default: it was rolled back"}]


def test_a_file_that_is_no_sql_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _sql_plugin(here)
    (here / "tables.sql").write_text("CREATE TABEL points")
    call = ["call", path, "hook", "a", "1", "x", "--database"]
    assert "tables.sql" in kit(capsys, *call, "tables.sql", status=2)["error"]["message"]
    assert "nowhere.sql" in kit(capsys, *call, "nowhere.sql", status=1)["error"]["message"]


def test_nothing_of_django_is_needed(here: Path) -> None:
    path = _sql_plugin(here, sql("INSERT INTO points (id) VALUES (7)"))
    program = f"""
import sys
sys.modules["django"] = None  # importing it is an error from here on
from wasm_plugins.kit.__main__ import main
sys.exit(main(["call", {str(path)!r}, "hook", "a", "1", "x", "--database", "tables.sql"]))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "done"), done.stderr


def test_without_a_database_sql_is_refused_with_a_reason(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = plugin_component(toml=TOML, hooks={"a": text_hook(ok("", first=[sql("DELETE FROM t")]))})
    report = kit(capsys, "call", _file(here, data), "hook", "a", "1", "x", status=1)
    assert "no database" in report["error"]["detail"]
