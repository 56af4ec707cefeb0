"""``manage.py plugins``: what each subcommand does, answers as JSON, and ends with."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from pytest_django import Settings

from tests.components import (
    answer_param_plus,
    echo,
    err,
    http_handler,
    json_handler,
    number_hook,
    ok,
    ok_response,
    plugin_component,
    route,
    sql,
    text_hook,
    trap,
)
from tests.fetching import FETCHER
from tests.installed import install
from tests.management.ran import failed as _fails
from tests.management.ran import ran as _run
from tests.management.ran import shown as _text
from wasm_plugins import lifecycle, storage
from wasm_plugins.management.plugins import SUBCOMMANDS, checkup_parts
from wasm_plugins.management.plugins.progress import compiling
from wasm_plugins.models import Grant, Plugin, Route, TaskRun
from wasm_plugins.registry import registry
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parent.parent.parent
SCOPE = {"tables": {"shop_order": ["select"]}}
TOML = '[capabilities.database.tables]\nshop_order = ["select"]\n'


def _enabled(data: bytes) -> Plugin:
    plugin = lifecycle.enable(record_upload(data).plugin)
    registry.invalidate()
    return plugin


def _needy() -> bytes:
    return plugin_component("needy", tasks={"write": json_handler(ok("{}", first=[sql("SELECT 1")]))}, toml=TOML)


def test_list_shows_how_every_plugin_stands() -> None:
    assert _run("list") == {"plugins": [], "problems": []}
    _enabled(plugin_component(hooks={"order-placed": text_hook(ok(""))}))
    record_upload(plugin_component(salt="2"))
    storage.put_upload("broken", b"")
    storage.put_upload("BAD", b"")
    _run("sync")
    broken, greeter = _run("list")["plugins"]
    assert (greeter["state"], greeter["version"], greeter["newer_version"]) == ("running", 1, 2)
    assert greeter["hooks"] == ["order-placed"]
    assert (broken["state"], broken["version"], broken["last_refusal"]["code"]) == ("refused", None, "compile-error")
    assert [each["key"] for each in _run("list")["problems"]] == ["plugins/BAD.wasm"]


def test_every_column_of_a_list_begins_at_one_place() -> None:
    _enabled(plugin_component("a"))
    _enabled(plugin_component("a-much-longer-name"))
    head, *lines = _text("list").splitlines()
    assert len({line.index("running") for line in lines} | {head.index("STATE")}) == 1


def test_sync_says_what_it_would_do_and_does_nothing_of_it() -> None:
    storage.put_upload("greeter", plugin_component())
    storage.put_upload("NO", b"x")
    planned = _run("sync", "--dry-run")["objects"]
    assert {each["key"]: each["act"] for each in planned} == {
        "plugins/NO.wasm": "set-aside",
        "plugins/greeter.wasm": "fetch",
    }
    assert not Plugin.objects.exists()
    _run("sync")
    assert {each["act"] for each in _run("sync", "--dry-run")["objects"]} == {"nothing"}


def test_sync_tells_what_it_found_and_a_bad_object_is_no_failure() -> None:
    storage.put_upload("greeter", plugin_component())
    storage.put_upload("broken", b"")
    report = _run("sync")
    assert (report["found"], report["refused"]) == (2, 1)
    assert _run("sync")["unchanged"] == 2
    assert _run("sync", "--again")["refused"] == 1


def test_upload_takes_files_and_one_bad_one_does_not_keep_the_others(tmp_path: Path) -> None:
    files = {"good.wasm": plugin_component("one"), "bad.wasm": b"", "other.wasm": plugin_component("two")}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    status, document = _fails("upload", *(str(tmp_path / name) for name in [*files, "missing.wasm"]))
    codes = [each["error"] and each["error"]["code"] for each in document["uploads"]]
    assert status == 1
    assert codes == [None, "compile-error", None, "artifact-error"]
    assert sorted(Plugin.objects.values_list("name", flat=True)) == ["one", "two"]


def test_enable_grants_what_was_asked_for_and_rollback_goes_back(tmp_path: Path) -> None:
    record_upload(plugin_component("needy"))
    record_upload(_needy())
    assert _run("enable", "needy")["version"] == 1
    status, document = _fails("enable", "needy", "--version", "2")
    assert (status, document["error"]["code"], document["error"]["plugin"]) == (1, "capability-denied", "needy")
    answer = _run("enable", "needy", "--version", "2", "--grant", "requested")
    assert (answer["version"], answer["granted"]) == (2, {"database": SCOPE})
    assert _run("rollback", "needy")["version"] == 1
    assert _run("rollback", "needy", "--to", "2")["previous_version"] == 1
    assert _fails("rollback", "needy", "--to", "9")[0] == 1


@pytest.mark.parametrize(
    ("wish", "scope"),
    [
        ("database", SCOPE),
        ('database={"tables": {"shop_product": ["select"]}}', {"tables": {"shop_product": ["select"]}}),
    ],
)
def test_a_grant_has_the_scope_that_was_typed_or_asked_for(wish: str, scope: object) -> None:
    record_upload(_needy())
    _run("enable", "needy", "--grant", wish)
    assert Grant.objects.get().scope == scope


@pytest.mark.parametrize("wish", ["files", "database={", 'database={"rows": 1}'])
def test_a_grant_that_means_nothing_is_a_wrong_call_and_grants_nothing(wish: str) -> None:
    record_upload(_needy())
    status, document = _fails("enable", "needy", "--grant", wish)
    assert (status, document["error"]["code"]) == (2, "usage")
    assert not Grant.objects.exists()
    assert not Plugin.objects.get().is_enabled


def test_upload_and_enable_warn_of_findings_and_of_what_is_not_granted(tmp_path: Path) -> None:
    (tmp_path / "needy.wasm").write_bytes(_needy())
    (tmp_path / "odd.wasm").write_bytes(plugin_component("odd", hooks={"speak": text_hook(ok(""))}))
    needy, odd = _run("upload", str(tmp_path / "needy.wasm"), str(tmp_path / "odd.wasm"))["uploads"]
    assert [("shop_order" in each) for each in needy["warnings"]] == [True]
    assert [("speak" in each) for each in odd["warnings"]] == [True]
    assert "warning: needy: " in _text("upload", str(tmp_path / "needy.wasm"))
    assert len(_run("enable", "needy", "--grant", "database={}")["warnings"]) == 1
    assert "warning: " in _text("enable", "needy")
    assert _run("enable", "needy", "--grant", "requested")["warnings"] == []
    assert len(_run("enable", "odd")["warnings"]) == 1


def test_disable_takes_one_plugin_or_all() -> None:
    for name in ("a", "b", "c"):
        _enabled(plugin_component(name))
    assert _run("disable", "b")["disabled"] == ["b"]
    assert _run("disable", "--all")["disabled"] == ["a", "c"]
    assert not Plugin.objects.filter(is_enabled=True).exists()
    assert _run("disable", "--all")["disabled"] == []


@pytest.mark.parametrize(
    "arguments", [["enable", "nobody"], ["disable", "nobody"], ["rollback", "nobody"], ["run-task", "nobody", "x"]]
)
def test_a_plugin_that_is_not_there_is_a_failure_with_its_code(arguments: list[str]) -> None:
    status, document = _fails(*arguments)
    assert (status, document["error"]["code"]) == (1, "plugin-not-found")


def test_call_hook_shows_each_answer() -> None:
    _enabled(plugin_component("a", hooks={"order-placed": text_hook(ok("first"))}))
    _enabled(plugin_component("b", hooks={"order-price": number_hook(answer_param_plus(5))}))
    placed = _run("call-hook", "order-placed", "42", '"gift"')["results"]
    assert [(each["plugin"], each["version"], each["value"]) for each in placed] == [("a", 1, "first")]
    assert _run("call-hook", "order-price", "10", '"[]"')["results"][0]["value"] == 15
    lifecycle.disable(Plugin.objects.get(name="a"))
    registry.invalidate()
    assert _run("call-hook", "order-placed", "42", '"gift"')["results"] == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("order_placed", "order-placed"), ("order-plced", "order-placed"), ("Order-Price", "order-price")],
)
def test_call_hook_with_a_name_that_nobody_knows_is_a_wrong_call_with_a_suggestion(typed: str, meant: str) -> None:
    status, document = _fails("call-hook", typed)
    assert (status, document["error"]["code"]) == (2, "usage")
    assert meant in document["error"]["message"]


def test_call_hook_takes_a_hook_that_only_a_plugin_has() -> None:
    _enabled(plugin_component(hooks={"speak": text_hook(ok("hello"))}))
    assert _run("call-hook", "speak", "1", "hi")["results"][0]["value"] == "hello"
    status, document = _fails("call-hook", "speak", "one", "hi")
    assert (status, document["error"]["code"]) == (2, "usage")
    assert "s64" in document["error"]["message"]


def test_what_a_plugin_says_cannot_steer_a_terminal() -> None:
    _enabled(plugin_component(hooks={"order-placed": text_hook(ok("\x1b[2J\u202e\x07gift"))}))
    shown = _text("call-hook", "order-placed", "1", '""')
    assert "\\x1b[2J\\u202e\\x07gift" in shown
    assert all(each.isprintable() or each == "\n" for each in shown)


@pytest.mark.parametrize(("body", "code"), [(err("no"), "plugin-failed"), (trap(), "plugin-trapped")])
def test_call_hook_fails_with_the_plugins_error(body: Any, code: str) -> None:
    _enabled(plugin_component(hooks={"order-placed": text_hook(body)}))
    status, document = _fails("call-hook", "order-placed", "1", '""')
    assert (status, document["error"]["code"], document["error"]["plugin"]) == (1, code, "greeter")


@pytest.mark.parametrize("arguments", [["1"], ["one", "gift"], ['"x"', '"y"'], [str(2**70), '""']])
def test_call_hook_with_arguments_that_do_not_fit_is_a_wrong_call(arguments: list[str]) -> None:
    _enabled(plugin_component(hooks={"order-placed": text_hook(ok(""))}))
    status, document = _fails("call-hook", "order-placed", *arguments)
    assert (status, document["error"]["code"]) == (2, "usage")


def test_call_route_asks_as_nobody_or_as_a_user() -> None:
    get_user_model().objects.create(username="ada")
    _enabled(
        plugin_component(
            routes=[
                route("/greeter/echo", json_handler(echo())),
                route("/greeter/page", http_handler(ok_response(404, "gone", [("content-type", "text/plain")]))),
            ],
            toml='[routes."/greeter/page"]\naccess = "public"',
        )
    )
    status, document = _fails("call-route", "POST", "/greeter/echo", "--data", '{"a": 1}')
    assert (status, document["error"]["code"]) == (1, "authentication-required")
    answer = _run("call-route", "post", "/greeter/echo?b=2", "--data", '{"a": 1}', "--user", "ada")
    assert (answer["status"], answer["body"]["a"], answer["body"]["claims"]["username"]) == (200, 1, "ada")
    assert answer["body"]["request"]["query"] == {"b": ["2"]}
    assert _fails("call-route", "POST", "/greeter/echo", "--data", "no json", "--user", "ada")[0] == 1
    status, document = _fails("call-route", "GET", "/greeter/page", "--data", "plain text")
    assert (status, document["status"], document["body"]) == (1, 404, "gone")
    assert _fails("call-route", "GET", "/greeter/other")[1]["error"]["code"] == "route-not-found"
    assert _fails("call-route", "GET", "/greeter/echo", "--user", "nobody")[0] == 2
    assert _fails("call-route", "GET", "greeter")[0] == 2


def test_call_route_answers_errors_of_the_plugin_with_status_one() -> None:
    _enabled(
        plugin_component(
            routes=[route("/greeter/no", json_handler(err("no")))],
            toml='[routes."/greeter/no"]\naccess = "public"',
        )
    )
    status, document = _fails("call-route", "GET", "/greeter/no")
    assert (status, document["error"]["code"]) == (1, "plugin-failed")


@pytest.mark.django_db(transaction=True)
def test_run_task_writes_a_run_down_and_queues_it(rq_queue: str) -> None:
    _enabled(plugin_component(tasks={"count": json_handler(ok("{}"))}))
    answer = _run("run-task", "greeter", "count", '{"a": 1}')
    run = TaskRun.objects.get()
    assert (answer["id"], run.input, run.status) == (str(run.pk), '{"a": 1}', "queued")


@pytest.mark.django_db(transaction=True)
def test_run_task_waits_for_the_end(settings: Settings, rq_queue: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings.RQ_QUEUES = {"default": {**settings.RQ_QUEUES["default"], "ASYNC": False}}
    tasks = {"count": json_handler(ok('{"n": 3}')), "fail": json_handler(err("no"))}
    _enabled(plugin_component(tasks=tasks))
    finished = _run("run-task", "greeter", "count", "--wait")
    assert (finished["status"], finished["result"]) == ("finished", {"n": 3})
    assert capsys.readouterr().err.splitlines() == [f"run {finished['id']} is finished"]
    status, failed = _fails("run-task", "greeter", "fail", "--wait")
    assert (status, failed["status"]) == (1, "failed")


def test_run_task_with_a_task_that_is_not_there_fails() -> None:
    _enabled(plugin_component())
    assert _fails("run-task", "greeter", "count")[1]["error"]["code"] == "task-not-found"
    assert _fails("run-task", "greeter", "count", "{")[0] == 2


def test_run_task_with_the_handler_of_a_route_that_runs_as_a_task_says_how_to_call_it() -> None:
    _enabled(plugin_component(routes=[route("/greeter/labels", json_handler(ok("{}")), process_as_task=True)]))
    (served,) = Route.objects.all()
    error = _fails("run-task", "greeter", served.handler)[1]["error"]
    assert error["code"] == "task-not-found"
    assert "plugins call-route POST /greeter/labels" in error["message"]


def test_run_task_tells_a_plugin_that_is_off_from_one_that_is_not_there() -> None:
    record_upload(plugin_component(tasks={"count": json_handler(ok("{}"))}))
    assert _fails("run-task", "greeter", "count")[1]["error"]["plugin"] == "greeter"
    assert "there is no plugin" in _fails("run-task", "nobody", "count")[1]["error"]["message"]


@pytest.mark.django_db(transaction=True)
def test_the_scheduler_looks_once(settings: Settings, rq_queue: str) -> None:
    settings.WASM_PLUGINS_SYNC_INTERVAL_S = 60
    storage.put_upload("greeter", plugin_component())
    assert _run("scheduler", "--once")["sync"]["found"] == 1
    assert _run("scheduler", "--once")["sync"] is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_scheduler_ends_well_when_told_to(
    number: signal.Signals, child_environment: dict[str, str], rq_queue: str
) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), "plugins", "scheduler", "--every", "0.1", "--json"]
    child = subprocess.Popen(command, env=child_environment, stdout=subprocess.PIPE, text=True)
    _wait_until_ready(child.pid)
    child.send_signal(number)
    out, _ = child.communicate(timeout=20)
    assert (child.returncode, json.loads(out)) == (0, {"stopped": True})


def _wait_until_ready(pid: int) -> None:
    """Wait until a process handles SIGTERM, as the kernel tells: the scheduler sets both handlers together."""
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at:
        (caught,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "SigCgt" in line)
        if int(caught.split()[1], 16) & (1 << (signal.SIGTERM - 1)):
            time.sleep(0.2)
            return
        time.sleep(0.05)
    raise AssertionError("the scheduler did not start")


def test_doctor_tries_every_part(rq_queue: str) -> None:
    _enabled(plugin_component(tasks={"count": json_handler(ok("{}"))}))
    status, document = _fails("doctor")
    found = {each["name"]: each["is_good"] for each in document["checks"]}
    assert status == 1
    assert found == {
        "storage": True,
        "cache": True,
        "engine": True,
        "database default": True,
        "roles on default": True,
        "queue default": False,  # Redis answers, but no worker listens
        "runs": True,
        "signatures": True,
        "secrets": True,
    }
    advice = {each["name"]: each["advice"] for each in document["checks"] if not each["is_good"]}
    assert all(advice.values())
    assert "manage.py plugins worker default" in advice["queue default"]
    said = next(each["message"] for each in document["checks"] if each["name"] == "queue default")
    assert "greeter" in said


@pytest.mark.parametrize("is_needed", [False, True])
def test_doctor_tries_queues_only_when_an_enabled_plugin_needs_one(settings: Settings, *, is_needed: bool) -> None:
    settings.RQ_QUEUES = {"default": {**settings.RQ_QUEUES["default"], "URL": "redis://127.0.0.1:9/0"}}
    record_upload(plugin_component("sleeper", tasks={"count": json_handler(ok("{}"))}))
    handler = json_handler(ok("{}"))
    _enabled(plugin_component(routes=[route("/greeter/labels", handler, process_as_task=is_needed)]))
    (found,) = checkup_parts.check_queues()
    assert (found.name, found.is_good) == (("queue default", False) if is_needed else ("queues", True))
    assert ("greeter" in found.message, "sleeper" in found.message) == (is_needed, False)


def test_doctor_names_who_needs_a_queue_that_the_project_lacks(settings: Settings) -> None:
    settings.WASM_PLUGINS_QUEUE = "elsewhere"
    _enabled(plugin_component("counter", tasks={"count": json_handler(ok("{}"))}))
    _enabled(plugin_component("other", tasks={"count": json_handler(ok("{}"))}))
    (found,) = checkup_parts.check_queues()
    assert not found.is_good
    assert "counter, other" in found.message


@pytest.mark.parametrize(("count", "said"), [(0, "0 objects "), (1, "1 object "), (2, "2 objects ")])
def test_doctor_counts_what_is_stored(count: int, said: str) -> None:
    for number in range(count):
        storage.put_upload(f"plugin-{number}", b"")
    (found,) = checkup_parts.check_storage()
    assert found.message.startswith(said)


@pytest.mark.parametrize("is_installed", [True, False])
def test_doctor_looks_for_the_library_that_sends_requests_when_an_enabled_plugin_may(
    monkeypatch: pytest.MonkeyPatch, *, is_installed: bool
) -> None:
    assert list(checkup_parts.check_http()) == []
    install(FETCHER, grants={"http": {"hosts": []}, "database": {}})
    if not is_installed:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (found,) = checkup_parts.check_http()
    assert (found.name, found.is_good, bool(found.advice)) == ("http", is_installed, not is_installed)


def test_doctor_tells_of_every_part_that_is_away(
    settings: Settings, plugin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin_folder.write_bytes(b"")
    (tmp_path / "open").mkdir(mode=0o755)
    settings.WASM_PLUGINS_CACHE_DIR = tmp_path / "open"
    settings.RQ_QUEUES = {"default": {**settings.RQ_QUEUES["default"], "URL": "redis://127.0.0.1:9/0"}}
    with monkeypatch.context() as patch:
        patch.setattr(checkup_parts, "_queue_users", lambda: {"default": {"greeter"}})
        document = _fails("doctor")[1]
    bad = {each["name"] for each in document["checks"] if not each["is_good"]}
    assert bad == {"storage", "cache", "queue default"}


@pytest.mark.parametrize(
    "arguments", [[], ["unknown"], ["enable"], ["list", "--nonsense"], ["disable"], ["enable", "x", "--version", "y"]]
)
def test_a_wrong_call_ends_with_status_two_and_one_document(
    arguments: list[str], child_environment: dict[str, str]
) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), "plugins", *arguments, "--json"]
    done = subprocess.run(command, env=child_environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert list(error) == ["code", "message", "plugin", "version"]
    assert (error["code"], error["plugin"], error["version"]) == ("usage", None, None)
    assert not error["message"].startswith("Error: ")


@pytest.mark.django_db(transaction=True)
def test_a_failure_ends_with_status_one(child_environment: dict[str, str]) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), "plugins", "enable", "nobody", "--json"]
    done = subprocess.run(command, env=child_environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "plugin-not-found"
    assert "Traceback" not in done.stderr


def test_a_database_that_is_away_is_one_line_and_status_one(child_environment: dict[str, str], tmp_path: Path) -> None:
    environment = {**child_environment, "DJANGO_SETTINGS_MODULE": "project.settings", "SHOP_DATA": str(tmp_path)}
    environment["SHOP_DATABASE"] = "postgresql://nobody:x@127.0.0.1:9/nothing"
    command = [sys.executable, str(ROOT / "manage.py"), "plugins", "list", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "database-error"
    assert "Traceback" not in done.stderr


def test_every_subcommand_has_a_text_for_people(rq_queue: str, tmp_path: Path) -> None:
    (tmp_path / "a.wasm").write_bytes(plugin_component(hooks={"order-placed": text_hook(ok("hello"))}))
    for arguments in (
        ["list"],
        ["upload", str(tmp_path / "a.wasm")],
        ["list"],
        ["sync"],
        ["enable", "greeter"],
        ["call-hook", "order-placed", "1", '""'],
        ["call-hook", "order-price", "1", '""'],
        ["scheduler", "--once"],
        ["limits", "greeter"],
        ["secrets", "list"],
        ["database"],
        ["disable", "--all"],
        ["release", "greeter"],
    ):
        assert _text(*arguments).strip()
    assert len(SUBCOMMANDS) >= 12


def test_progress_is_silent_unless_it_takes_a_second(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with compiling("quick", 1):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("wasm_plugins.management.plugins.progress._PATIENCE_S", 0.01)
    with compiling("slow", 19_000_000):
        time.sleep(0.1)
    assert capsys.readouterr().err.startswith("compiling slow (19 MB)... 0.")
