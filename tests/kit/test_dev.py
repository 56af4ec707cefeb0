"""``wasm-plugins dev``: from a changed source to an answer, on a real server, with a build that takes no time."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from tests.api.asked import ALL, AUTHOR, user_with
from tests.called import called
from tests.components import json_handler, log, ok, plugin_component, sql
from tests.kit.dev_runner import SOURCE, Copied, make_project
from tests.kit.plugins import kit
from wasm_plugins.kit.dev_log import LiveLog
from wasm_plugins.kit.dev_watch import is_source
from wasm_plugins.kit.failures import KitError
from wasm_plugins.kit.languages import LANGUAGES
from wasm_plugins.kit.server import Server
from wasm_plugins.models import Plugin
from wasm_plugins.tokens import make_token

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 40


def talker(said: str, *, writes: bool = False) -> bytes:
    """A plugin whose task says something, and asks for the database if it is to write."""
    steps = [log(said), *([sql("DELETE FROM shop_order")] if writes else [])]
    return plugin_component("talker", tasks={"talk": json_handler(ok("{}", first=steps))})


@pytest.fixture
def secret(live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The token of an author who may everything, in the environment."""
    _, found = make_token(user_with(*AUTHOR), "laptop", acts=ALL)
    monkeypatch.setenv("WASM_PLUGINS_TOKEN", found.reveal())
    return found.reveal()


class Dev:
    """The command while it runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def next(self) -> Any:
        """Return what it says next."""
        return json.loads(self._lines.get(timeout=PATIENCE_S))

    def interrupt(self) -> tuple[int, str]:
        """Press Ctrl-C, and return the status and what was said on standard error."""
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(timeout=PATIENCE_S)
        self._reader.join()
        assert self.process.stderr is not None
        return status, self.process.stderr.read()


@contextmanager
def _running(folder: Path, *options: str) -> Iterator[Dev]:
    command = [sys.executable, "-m", "tests.kit.dev_runner", "dev", str(folder), "--json", *options]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        dev = Dev(process)
        try:
            yield dev
        finally:
            process.kill()
            dev._reader.join()


@pytest.mark.django_db(transaction=True)
def test_a_change_is_on_the_server_in_seconds_and_what_the_plugin_writes_is_shown(
    live_server: LiveServer, secret: str, tmp_path: Path, settings: Settings
) -> None:
    settings.WASM_PLUGINS_KEPT_CALLS = 10
    folder = make_project(tmp_path / "talker", talker("one"))
    with _running(folder, "--server", live_server.url, "--enable") as dev:
        first = dev.next()
        assert (first["round"], first["report"]["version"], first["state"]) == ("uploaded", 1, "running")

        (folder / SOURCE).write_bytes(b"error: there is a slip of the pen")
        failed = dev.next()
        assert (failed["round"], failed["error"]["code"]) == ("failed", "build-failed")

        begun = time.monotonic()
        (folder / SOURCE).write_bytes(talker("two"))
        second = dev.next()
        assert (second["report"]["version"], second["report"]["is_current"]) == (2, True)
        assert second["round_s"] < time.monotonic() - begun < PATIENCE_S

        called("talker/talk")
        shown = dev.next()["log"]
        assert (shown["export"], shown["version"], shown["log"]) == ("talk", 2, ["info: test: two"])
        status, said = dev.interrupt()
    assert status == 0
    assert said.rstrip().endswith("stopped")
    assert "Traceback" not in said
    assert secret not in said


@pytest.mark.django_db(transaction=True)
def test_once_ends_with_a_status_and_grants_only_where_that_is_said(
    live_server: LiveServer,
    secret: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(cast(dict[str, Any], LANGUAGES), "copied", Copied())
    folder = make_project(tmp_path / "talker", talker("one", writes=True))
    once = ["dev", folder, "--server", live_server.url, "--once"]
    waiting = kit(capsys, *once)
    assert (waiting["round"], waiting["state"], waiting["report"]["missing_grants"]) == (
        *("uploaded", "off"),
        ["database"],
    )
    assert main_lines(capsys, *once, "--enable", status=1)[-1]["error"]["code"] == "capability-denied"
    assert not Plugin.objects.get().is_enabled
    served = kit(capsys, *once, "--enable", "--grant")
    assert (served["state"], served["report"]["missing_grants"]) == ("running", [])
    assert kit(capsys, *once, "--grant", status=2)["error"]["code"] == "usage"
    (folder / SOURCE).write_bytes(b"error: no")
    assert kit(capsys, *once, status=1)["error"]["code"] == "build-failed"


def main_lines(capsys: pytest.CaptureFixture[str], *arguments: object, status: int) -> list[Any]:
    """Run the command line and return each line of JSON."""
    from wasm_plugins.kit.__main__ import main

    capsys.readouterr()
    assert main([*map(str, arguments), "--json"]) == status
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        *(("src/app.py", True), ("plugin.toml", True), ("wit/world.wit", True), ("Cargo.toml", True)),
        *(("build/talker.wasm", False), ("target/x/y.rs", False), ("node_modules/a/index.js", False)),
        *((".git/index", False), ("src/.app.py.swp", False), ("src/app.py~", False), ("src/4913", False)),
        *(("src/__pycache__/app.pyc", False), ("../other/app.py", False)),
    ],
)
def test_sources_are_what_the_author_wrote_wherever_his_project_is(path: str, expected: bool, tmp_path: Path) -> None:
    folder = tmp_path / "build" / ".hidden" / "talker"
    found = folder.parent / "other" / "app.py" if path.startswith("..") else folder / path
    assert is_source(folder, found) is expected


class _Told:
    """A log that answers what the test says."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.is_away = False
        self.asked: list[str] = []

    def log(self, name: str, since: str) -> dict[str, Any]:
        self.asked.append(since)
        if self.is_away:
            raise KitError("it is away")
        return {"entries": self.entries, "now": "2026-01-31T12:00:30+00:00"}


def test_an_entry_is_shown_once_and_a_server_that_is_away_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    told = _Told()
    live = LiveLog(_as_server(told), "2026-01-31T12:00:00+00:00", as_json=False)
    entry = {"id": "call-1", "at": "2026-01-31T12:00:01+00:00", "export": "talk", "version": 1, "outcome": "ok"}
    told.entries = [{**entry, "elapsed_ms": 1.5, "log": ["info: \x1b[31mred"], "error": ""}]
    live.show_new(None)
    for is_away in (False, True, True, False):
        told.is_away = is_away
        live.show_new("talker")
    shown = capsys.readouterr()
    assert shown.out.splitlines() == ["12:00:01 talk (version 1): ok 1.5 ms", "  info: \\x1b[31mred"]
    assert shown.err.count("it is away") == 1
    assert told.asked[:2] == ["2026-01-31T12:00:00+00:00", "2026-01-31T12:00:20+00:00"]


@pytest.mark.parametrize(
    "entries", [None, [1], [{"id": []}], [{"id": "x"}], [{"id": "y", "at": "", "elapsed_ms": "z"}]]
)
def test_a_log_in_another_shape_is_said_once_and_asked_for_again(
    capsys: pytest.CaptureFixture[str], entries: Any
) -> None:
    told = _Told()
    live = LiveLog(_as_server(told), "2026-01-31T12:00:00+00:00", as_json=False)
    told.entries = entries
    for _ in range(3):
        live.show_new("talker")
    assert capsys.readouterr().err.count("another shape") == 1
    assert len(told.asked) == 3


def _as_server(told: _Told) -> Server:
    found: Any = told
    server: Server = found
    return server
