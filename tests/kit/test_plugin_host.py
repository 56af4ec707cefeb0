"""``plugin_host``: what a test may say of a plugin's world, and what it is told of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.components import (
    answer_key,
    authorize,
    begin,
    echo,
    err,
    http_handler,
    json_handler,
    number_hook,
    ok,
    ok_number,
    ok_response,
    plugin_component,
    progress,
    route,
    sql,
    text_hook,
    trap,
)
from tests.host_imports import attempt, config_get, config_get_all, log
from tests.keyvalue_components import get, keeping, put
from tests.kit.plugins import TOML, greeter, loaded
from wasm_plugins.exceptions import (
    AnswerRefused,
    DeadlineExceeded,
    LimitExceeded,
    MethodNotAllowed,
    PluginFailed,
    PluginTrapped,
)
from wasm_plugins.kit.failures import Usage
from wasm_plugins.kit.loaded_plugin import load_plugin
from wasm_plugins.kit.plugin_host import PluginHost

TABLES = """
CREATE TABLE points (id INTEGER PRIMARY KEY, note TEXT);
CREATE TABLE gift (point_id INTEGER REFERENCES points (id) DEFERRABLE INITIALLY DEFERRED);
"""
SCOPE = TOML + '[capabilities.database.tables]\npoints = ["select", "insert"]\ngift = ["insert"]'
INSERT = sql("INSERT INTO points (id, note) VALUES ($1, $2)", 7, "seven")

Hosting = Callable[..., PluginHost]


@pytest.fixture
def hosting() -> Iterator[Hosting]:
    """Return what hosts a component made by ``plugin_component``."""
    hosts: list[PluginHost] = []

    def make(**parts: Any) -> PluginHost:
        hosts.append(PluginHost(loaded(plugin_component(**{"toml": TOML, **parts}))))
        return hosts[-1]

    yield make
    for each in hosts:
        each.close()


@pytest.fixture
def greeter_host(tmp_path: Path) -> PluginHost:
    """Host the plugin that answers, refuses, crashes and spins."""
    return PluginHost(load_plugin(greeter(tmp_path)))


def _ids(host: PluginHost) -> list[int]:
    return [row["id"] for row in host.execute("SELECT id FROM points ORDER BY id")]


# Calls


def test_a_hook_answers_and_everything_it_did_is_told(greeter_host: PluginHost) -> None:
    call = greeter_host.call_hook("order-placed", 42, "gift")
    assert (call.answer, call.error, call.err) == ("thank you", None, None)
    assert call.log == [("info", "test: one order")]
    assert (call.sql, call.http, call.progress) == ([], [], [])
    assert call.used["host_calls"] == (1, 10_000)
    assert call.elapsed_ms > 0
    assert call.memory_bytes is None


@pytest.mark.parametrize("args", [(42,), ("forty", "gift"), (1.5, "gift"), (2**63, "gift"), (42, 7), (42, None)])
def test_arguments_that_do_not_fit_are_refused(args: tuple[Any, ...], greeter_host: PluginHost) -> None:
    with pytest.raises(Usage, match="order-placed"):
        greeter_host.call_hook("order-placed", *args)


def test_what_the_plugin_does_not_have_is_refused_with_what_it_has(greeter_host: PluginHost) -> None:
    with pytest.raises(Usage, match="order-placed"):
        greeter_host.call_hook("order-place", 42, "gift")
    with pytest.raises(Usage):
        greeter_host.call_route("GET", "/greeter/nothing")
    with pytest.raises(Usage):
        greeter_host.run_task("tidy")
    with pytest.raises(MethodNotAllowed):
        greeter_host.call_route("DELETE", "/greeter/echo")


def test_a_refusal_is_told_and_raised_where_an_answer_is_wanted(greeter_host: PluginHost) -> None:
    call = greeter_host.call_hook("order-refused", 1, "x")
    assert call.err == "no"
    assert isinstance(call.error, PluginFailed)
    with pytest.raises(PluginFailed):
        _ = call.answer


def test_a_crash_is_no_refusal_and_carries_the_log_for_whoever_reads_it(hosting: Hosting) -> None:
    call = hosting(hooks={"a": text_hook(trap(first=[log("so far")]))}).call_hook("a", 1, "x")
    assert call.err is None
    with pytest.raises(PluginTrapped) as caught:
        _ = call.answer
    assert caught.value.__notes__ == ["log: info: test: so far"]


def test_other_limits_hold_for_the_calls_that_follow(greeter_host: PluginHost) -> None:
    greeter_host.limits["deadline_ms"] = 20
    call = greeter_host.call_hook("order-spun", 1, "x")
    assert call.error is not None
    assert call.error.code == "deadline-exceeded"
    greeter_host.limits.update(deadline_ms=1_000, log_lines=1)
    assert greeter_host.call_hook("order-placed", 1, "x").log == [("warn", "log-truncated")]


def test_what_a_call_did_is_printed_for_the_report_of_a_failing_test(
    greeter_host: PluginHost, capsys: pytest.CaptureFixture[str]
) -> None:
    greeter_host.call_hook("order-placed", 1, "x")
    told = capsys.readouterr().out
    assert told.startswith("hook order-placed\n")
    assert "test: one order" in told


def test_memory_is_measured_where_it_is_wanted_and_leaves_no_trace(hosting: Hosting) -> None:
    host = hosting(toml=SCOPE, hooks={"a": text_hook(ok("done", first=[INSERT]))})
    host.use_database(TABLES)
    host.measures_memory = True
    call = host.call_hook("a", 1, "x")
    assert call.answer == "done"  # a second INSERT of the same key would fail
    assert call.memory_bytes is not None
    assert 64 * 1024 <= call.memory_bytes < 64 * 1024 * 1024
    assert _ids(host) == [7]


def test_a_limit_on_memory_is_one_that_a_test_can_assert(hosting: Hosting) -> None:
    host = hosting(hooks={"a": number_hook(ok_number(7))})
    assert host.call_hook("a", 1, "x").answer == 7
    host.limits["memory_bytes"] = 1
    assert isinstance(host.call_hook("a", 1, "x").error, LimitExceeded)


# Routes and tasks


def test_a_json_route_gets_what_a_host_makes_of_a_request(greeter_host: PluginHost) -> None:
    call = greeter_host.call_route("post", "/greeter/echo?b=2", body={"a": 1, "claims": "forged"}, user="ada")
    assert (call.answer["a"], call.answer["claims"]["username"]) == (1, "ada")
    assert call.answer["request"] == {"method": "POST", "path": "/greeter/echo", "query": {"b": ["2"]}}
    assert (call.status, call.headers, call.body) == (200, {}, call.answer)


@pytest.mark.parametrize("body", ["[]", [1], "no json", b"\xff"])
def test_a_json_route_takes_a_json_object_only(body: Any, greeter_host: PluginHost) -> None:
    with pytest.raises(Usage):
        greeter_host.call_route("POST", "/greeter/echo", body=body)


def test_a_response_is_told_in_parts(hosting: Hosting) -> None:
    handler = http_handler(ok_response(404, "nothing", [("Content-Type", "text/plain")]))
    call = hosting(routes=[route("/greeter/page", handler)]).call_route("GET", "/greeter/page", body=b"\xff")
    assert (call.status, call.headers, call.body) == (404, {"content-type": "text/plain"}, "nothing")


def test_a_task_gets_its_input_and_reports_its_progress(hosting: Hosting) -> None:
    host = hosting(tasks={"echo": json_handler(echo()), "count": json_handler(ok("{}", first=[progress(50, "half")]))})
    assert host.run_task("echo", {"orders": [1, 2]}).answer == {"orders": [1, 2]}
    assert host.run_task("echo").answer == {}
    assert host.run_task("count").progress == [(50, "half")]


def test_a_task_may_be_a_later_attempt_of_a_known_run(hosting: Hosting) -> None:
    first = [attempt()]
    host = hosting(tasks={"key": json_handler(answer_key()), "count": json_handler(ok("{}", first=first))})
    assert [each.answer for each in host.run_task("count", attempt=3).host_calls] == ["ok: 3"]
    assert host.run_task("key", idempotency_key="k-1").host_calls[0].answer == 'ok: "k-1"'


def test_an_answer_that_a_host_could_not_pass_on_is_an_error_and_undoes_what_was_written(hosting: Hosting) -> None:
    host = hosting(toml=SCOPE, tasks={"bad": json_handler(ok("no json", first=[INSERT]))})
    host.use_database(TABLES)
    assert isinstance(host.run_task("bad").error, AnswerRefused)
    assert _ids(host) == []


# Who calls, settings and secrets


def test_who_calls_is_said_once_for_many_calls(hosting: Hosting) -> None:
    host = hosting(hooks={"a": text_hook(ok("yes", first=[authorize("shop.view_order")]))})
    assert "logged in" in host.call_hook("a", 1, "x").err
    host.log_in("ada")
    assert "shop.view_order" in host.call_hook("a", 1, "x").err
    host.log_in("ada", permissions=["shop.view_order"])
    assert host.call_hook("a", 1, "x").answer == "yes"
    host.log_out()
    assert host.call_hook("a", 1, "x").err is not None


def test_claims_say_what_the_user_is(greeter_host: PluginHost) -> None:
    greeter_host.log_in("ada", is_staff=True, is_superuser=True)
    claims = greeter_host.call_route("GET", "/greeter/echo").answer["claims"]
    assert claims == {"sub": "1", "username": "ada", "is_authenticated": True, "is_staff": True, "is_superuser": True}


def test_a_secret_that_was_read_is_hidden_in_log_and_errors(hosting: Hosting) -> None:
    steps = [config_get("token"), log("it is sesame-open")]
    host = hosting(hooks={"a": text_hook(err("sesame-open", first=steps))})
    host.secrets["token"] = "sesame-open"
    call = host.call_hook("a", 1, "x")
    assert (call.log, call.err) == ([("info", "test: it is ***")], "***")


def test_settings_are_sorted_and_a_secret_wins_over_one_of_the_same_name(hosting: Hosting) -> None:
    host = hosting(hooks={"a": text_hook(ok("", first=[config_get_all()]))})
    host.config.update(b="plain", a="one")
    host.secrets["b"] = "two"
    (asked,) = host.call_hook("a", 1, "x").host_calls
    assert asked.answer == 'ok: [["a", "one"], ["b", "two"]]'


def test_settings_begin_with_the_defaults_of_the_schema(hosting: Hosting) -> None:
    toml = TOML + "[settings.properties.rate]\ntype = 'integer'\ndefault = 3"
    host = hosting(toml=toml, hooks={"a": text_hook(ok("", first=[config_get("rate")]))})
    assert host.config == {"rate": "3"}
    assert host.call_hook("a", 1, "x").host_calls[0].answer == 'ok: "3"'


def test_the_store_keeps_what_calls_put_into_it_unless_they_fail(hosting: Hosting) -> None:
    asked = TOML + "[capabilities.keyvalue]\n"
    host = hosting(
        toml=asked,
        hooks={
            "a": text_hook(keeping(put("seen", b"1"), get("seen"))),
            "b": text_hook(keeping(put("seen", b"2"), spins=True)),
        },
    )
    assert host.call_hook("a", 1, "x").answer == "1"
    assert host.store == {("default", "seen"): b"1"}
    host.store["default", "other"] = b"3"
    host.limits["deadline_ms"] = 50
    assert isinstance(host.call_hook("b", 1, "x").error, DeadlineExceeded)
    assert host.store == {("default", "seen"): b"1", ("default", "other"): b"3"}


# The database


def test_what_a_call_wrote_is_there_for_the_next_one(hosting: Hosting) -> None:
    host = hosting(toml=SCOPE, hooks={"a": text_hook(ok("done", first=[INSERT]))})
    host.use_database(TABLES)
    call = host.call_hook("a", 1, "x")
    assert call.sql == [("INSERT INTO points (id, note) VALUES ($1, $2)", (7, "seven"), "ok: 1")]
    assert host.execute("SELECT * FROM points WHERE id = ?", 7) == [{"id": 7, "note": "seven"}]
    assert "UNIQUE" in host.call_hook("a", 1, "x").err
    assert _ids(host) == [7]


@pytest.mark.parametrize("ending", [err("no", first=[INSERT]), trap(first=[INSERT])])
def test_what_a_call_wrote_that_failed_is_undone(ending: Any, hosting: Hosting) -> None:
    host = hosting(toml=SCOPE, hooks={"a": text_hook(ending)})
    host.use_database(TABLES)
    assert [statement.outcome for statement in host.call_hook("a", 1, "x").sql] == ["ok: 1"]
    assert _ids(host) == []


def test_a_transaction_that_is_left_open_is_undone_and_told_and_the_rest_stays(hosting: Hosting) -> None:
    more = sql("INSERT INTO points (id) VALUES (8)")
    host = hosting(toml=SCOPE, hooks={"a": text_hook(ok("done", first=[INSERT, begin(), more, begin()]))})
    host.use_database(TABLES)
    call = host.call_hook("a", 1, "x")
    assert call.log == [("warn", "a transaction was left open on default: it was rolled back")] * 2
    assert _ids(host) == [7]


def test_rows_that_break_a_constraint_at_the_end_undo_the_call(hosting: Hosting) -> None:
    steps = [INSERT, sql("INSERT INTO gift (point_id) VALUES (99)")]
    host = hosting(toml=SCOPE, hooks={"a": text_hook(ok("done", first=steps))})
    host.use_database(TABLES)
    assert isinstance(host.call_hook("a", 1, "x").error, AnswerRefused)
    assert _ids(host) == []


def test_a_test_may_write_too_and_take_another_database(hosting: Hosting, tmp_path: Path) -> None:
    host = hosting(toml=SCOPE, hooks={"a": text_hook(ok("done", first=[INSERT]))})
    (tmp_path / "tables.sql").write_text(TABLES)
    host.use_database(tmp_path / "tables.sql")
    host.execute("INSERT INTO points (id) VALUES (?)", 7)
    assert host.call_hook("a", 1, "x").err is not None
    host.use_database(TABLES)
    assert host.call_hook("a", 1, "x").answer == "done"


def test_a_fixture_that_is_no_sql_and_a_database_that_is_not_there_are_said(hosting: Hosting) -> None:
    host = hosting(toml=SCOPE, hooks={"a": text_hook(ok("done", first=[INSERT]))})
    with pytest.raises(Usage, match="SQLite says"):
        host.use_database("CREATE TABEL points")
    with pytest.raises(Usage, match="use_database"):
        host.execute("SELECT 1")
    assert "use_database" in host.call_hook("a", 1, "x").err
