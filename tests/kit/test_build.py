"""``wasm-plugins build``, with the real toolchains; a language whose toolchain is missing is skipped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.kit.plugins import file_blocks, kit
from tests.kit.toolchains import missing_tool
from wasm_plugins.kit.__main__ import main
from wasm_plugins.kit.languages import LANGUAGES, BuildRun

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"python": 30_000_000, "rust": 200_000, "js": 3_000_000, "c": 10_000}
"""What a plugin that does nearly nothing has at most, in bytes."""


def _new(language: str, name: str = "bonus") -> Path:
    """Make a project with what it needs installed, or skip the test and say what is missing."""
    if (tool := missing_tool(language)) is not None:
        pytest.skip(f"{tool} is not installed; {language} needs {LANGUAGES[language].NEEDS}")
    assert main(["new", name, "--lang", language]) == 0
    if language == "js":
        installed = subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=name, capture_output=True)
        if installed.returncode != 0:
            pytest.skip(f"npm install fails here: {installed.stderr.decode()[-200:]}")
    return Path(name)


@dataclass(frozen=True)
class Built:
    """A project that was made and built, once for all tests of its language."""

    language: str
    folder: Path
    report: Mapping[str, Any]
    """What ``build`` answered."""

    @property
    def plugin(self) -> Path:
        return self.folder / "build" / "bonus.wasm"


@pytest.fixture(scope="module", params=LANGUAGES)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Make and build a project with the real toolchain; where that is missing, skip, and say what to install."""
    language: str = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp(language))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "kit-cache"))
        folder = _new(language).resolve()
        return Built(language, folder, _kit(folder, "build"))


def _kit(folder: Path, *arguments: object, status: int = 0) -> Mapping[str, Any]:
    """Run the command line as a program in a project's folder, and return its document."""
    command = [sys.executable, "-m", "wasm_plugins.kit", *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    document: Mapping[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.slow
def test_from_nothing_to_a_plugin_that_a_host_takes(built: Built, capsys: pytest.CaptureFixture[str]) -> None:
    report, plugin = built.report, built.plugin
    assert plugin.stat().st_size == report["size_bytes"] < SIZES[built.language]
    assert (report["plugin"], report["version"], report["capabilities"]) == ("bonus", "0.1.0", {})
    assert report["advice"] == []
    assert list(report["hooks"]) == ["order-placed"]
    has_types = (built.folder / "build" / "types").is_dir()
    assert has_types == (built.language == "python")  # for JavaScript with jco, which nobody needs to build
    assert kit(capsys, "check", plugin)["digest"] == report["digest"]
    assert kit(capsys, "inspect", plugin)["metadata"]["version"] == "0.1.0"


@pytest.mark.slow
def test_it_answers(built: Built, capsys: pytest.CaptureFixture[str]) -> None:
    call = kit(capsys, "call", built.plugin, "hook", "order-placed", 42, "gift")
    assert (call["answer"], len(call["log"])) == ("thank you for order 42", 1)


@pytest.mark.slow
def test_its_own_tests_pass_and_fail_where_they_should(built: Built) -> None:
    more = "def test_more(plugin_host):\n    assert plugin_host.call_hook('order-placed', 0, 'gift').answer\n"
    (built.folder / "tests" / "test_more.py").write_text(more)
    report = _kit(built.folder, "test", "--no-build", status=1)
    assert (report["tests"], report["failed"]) == (5, ["tests.test_more::test_more"])


@pytest.mark.slow
@pytest.mark.parametrize("built", ["python"], indirect=True)
def test_the_tests_in_the_how_to_pass(built: Built) -> None:
    page = ROOT / "docs" / "how-to" / "test-a-plugin.md"
    for name, text in file_blocks(page):
        if name in ("test_answers.py", "test_limits.py"):
            (built.folder / "tests" / name).write_text(text)
    arguments = "--pytest=tests/test_answers.py tests/test_limits.py"
    assert _kit(built.folder, "test", "--no-build", arguments)["tests"] == 5


def _environment() -> dict[str, str]:
    """Return what a program of an author's has: this checkout, and pytest as on a fresh machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_missing_tool_is_one_line_that_says_how_to_get_it_and_a_status_of_its_own(
    language: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "bonus", "--lang", language]) == 0
    monkeypatch.setenv("PATH", str(here))
    monkeypatch.setattr(sys, "executable", str(here / "python"))
    error = kit(capsys, "build", "bonus", status=3)["error"]
    assert error["code"] == "tool-missing"
    assert "is not installed: " in error["message"]
    assert "\n" not in error["message"]


def test_a_javascript_project_says_that_npm_install_was_not_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if (tool := missing_tool("js")) is not None:
        pytest.skip(f"{tool} is not installed")
    assert main(["new", "bonus", "--lang", "js"]) == 0
    assert "npm install" in kit(capsys, "build", "bonus", status=3)["error"]["message"]


def test_what_a_compiler_refuses_is_shown(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = _new("c")
    (folder / "src" / "plugin.c").write_text("int wrong(void) { return nothing; }")
    error = kit(capsys, "build", folder, status=1)["error"]
    assert error["code"] == "build-failed"
    assert "plugin.c:1" in error["message"]
    assert not (folder / "build").exists()


def test_the_same_sources_give_the_same_bytes_in_any_folder(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = _new("c")
    first = kit(capsys, "build", folder)["digest"]
    folder.rename(here / "elsewhere")
    assert kit(capsys, "build", here / "elsewhere")["digest"] == first


def test_a_plugin_that_a_host_would_refuse_is_built_and_status_1(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _new("c")
    (folder / "plugin.toml").write_text("[hooks.order-lost]\npriority = 1\n")
    assert kit(capsys, "build", folder, status=1)["error"]["code"] == "manifest-error"
    assert (folder / "build" / "bonus.wasm").exists()


@pytest.mark.parametrize("text", ["version = ", "x" * 70_000])
def test_a_plugin_toml_that_cannot_be_is_refused_before_anything_is_compiled(
    text: str, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["new", "bonus", "--lang", "c"]) == 0
    (here / "bonus" / "plugin.toml").write_text(text)
    monkeypatch.setenv("PATH", str(here))
    assert "plugin.toml" in kit(capsys, "build", "bonus", status=1)["error"]["message"]


def test_building_in_the_projects_own_folder_needs_no_argument(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(_new("c"))
    capfd.readouterr()
    assert main(["build"]) == 0
    assert capfd.readouterr().out.startswith("build/bonus.wasm: bonus 0.1.0, ")


def test_the_command_line_is_a_program(here: Path) -> None:
    command = [sys.executable, "-m", "wasm_plugins.kit", "new", "bonus", "--lang", "c", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=_environment())
    assert json.loads(done.stdout)["folder"] == "bonus"


def test_a_build_tool_sees_no_token_of_the_author(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASM_PLUGINS_TOKEN", "a-token-of-the-author")
    monkeypatch.setenv("OF_THE_AUTHOR", "kept")
    tool = tmp_path / "tool"
    tool.write_text('#!/bin/sh\nenv | tee "$(dirname "$0")/seen"\n')
    tool.chmod(0o755)
    run = BuildRun(folder=tmp_path, world="x", scratch=tmp_path, is_quiet=True, tools="/usr/bin:/bin")
    run.call([tool], environment={"MORE": "also"})
    for seen in ((tmp_path / "seen").read_text(), run.ask([tool])):
        assert "a-token-of-the-author" not in seen
        assert "OF_THE_AUTHOR=kept" in seen
