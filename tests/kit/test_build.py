"""``wasm-plugins build``, with the real toolchains; a language whose toolchain is missing is skipped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.plugins import kit
from tests.kit.toolchains import missing_tool
from wasm_plugins.kit.__main__ import main
from wasm_plugins.kit.languages import LANGUAGES

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"python": 30_000_000, "rust": 200_000, "js": 3_000_000, "c": 10_000}
"""What a plugin that does nearly nothing has at most, in bytes."""


def _new(language: str, name: str = "bonus") -> Path:
    """Make a project with what it needs installed, or skip the test and say what is missing."""
    if (tool := missing_tool(language)) is not None:
        pytest.skip(f"{tool} is not installed")
    assert main(["new", name, "--lang", language]) == 0
    if language == "js":
        installed = subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=name, capture_output=True)
        if installed.returncode != 0:
            pytest.skip(f"npm install fails here: {installed.stderr.decode()[-200:]}")
    return Path(name)


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_from_nothing_to_an_answer(language: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = _new(language)
    built = kit(capsys, "build", folder)
    plugin = folder / "build" / "bonus.wasm"
    assert plugin.stat().st_size == built["size_bytes"] < SIZES[language]
    assert (built["plugin"], built["version"], built["capabilities"]) == ("bonus", "0.1.0", {})
    assert built["advice"] == []
    assert list(built["hooks"]) == ["order-placed"]
    assert kit(capsys, "check", plugin)["digest"] == built["digest"]
    assert kit(capsys, "inspect", plugin)["metadata"]["version"] == "0.1.0"
    own_tests = [sys.executable, "-m", "unittest", "discover", "tests"]
    done = subprocess.run(own_tests, cwd=folder, capture_output=True, text=True, check=False, env=_environment())
    assert done.returncode == 0, done.stderr


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


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
