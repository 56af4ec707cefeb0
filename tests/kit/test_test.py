"""``wasm-plugins test``: builds, runs pytest, and ends as the table of exit statuses says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.kit.plugins import kit
from tests.kit.test_pytest_plugin import project_with_tests
from wasm_plugins.kit import test
from wasm_plugins.kit.__main__ import main
from wasm_plugins.kit.token import VARIABLE

GOOD = "def test_good(plugin_host):\n    assert plugin_host.manifest.name == 'greeter'\n"
BAD = "def test_bad(plugin_host):\n    assert plugin_host.manifest.name == 'other'\n"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pytest begin as it would outside of this repository's own run."""
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))


def _project(folder: Path, tests: str) -> Path:
    """Write a project that was built and looks like C, so that its language is known."""
    project = project_with_tests(folder / "greeter", tests)
    (project / "src").mkdir()
    (project / "src" / "plugin.c").write_text("int wrong(void) { return nothing; }")
    return project


def test_tests_that_pass_and_fail_are_counted_and_named(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    project = _project(here, GOOD + BAD + "import pytest\n@pytest.mark.skip\ndef test_left_out(): ...\n")
    report = kit(capfd, "test", project, "--no-build", status=1)
    assert report == {
        "plugin": str(project / "build" / "greeter.wasm"),
        "pytest_status": 1,
        "tests": 3,
        "skipped": 1,
        "failed": ["tests.test_greeter::test_bad"],
    }


def test_without_tests_or_with_wrong_arguments_for_pytest_the_status_says_so(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project = _project(here, "")
    assert main(["test", str(project), "--no-build"]) == 1
    assert "no tests" in capfd.readouterr().err
    assert main(["test", str(project), "--no-build", "--pytest=--no-such-option"]) == 2


def test_the_configuration_of_a_repository_around_the_project_is_left_alone(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (here / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--no-such-option"\n')
    project = _project(here, GOOD + BAD)
    assert kit(capfd, "test", project, "--no-build", "--pytest=-k good")["tests"] == 1
    (project / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")  # its own counts
    assert kit(capfd, "test", project, "--no-build", status=2)["pytest_status"] == 4


def test_a_missing_pytest_is_one_line_that_says_how_to_get_it(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = _project(here, GOOD)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    error = kit(capsys, "test", project, "--no-build", status=3)["error"]
    assert error["code"] == "tool-missing"
    assert "pip install" in error["message"]
    assert "\n" not in error["message"]


def test_what_was_not_built_is_said_and_what_cannot_be_built_is_not_tested(
    here: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = _project(here, BAD)
    monkeypatch.setenv("PATH", str(here))
    assert kit(capfd, "test", project, status=3)["error"]["code"] == "tool-missing"
    (project / "build" / "greeter.wasm").unlink()
    assert "--no-build" in kit(capfd, "test", project, "--no-build", status=1)["error"]["message"]


def test_tests_see_no_token_of_the_author(
    here: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "a-token-of-the-author")
    tests = f"import os\n\n\ndef test_none():\n    assert {VARIABLE!r} not in os.environ\n"
    assert kit(capfd, "test", _project(here, tests), "--no-build")["failed"] == []


def test_a_report_that_pytest_did_not_finish_is_none(tmp_path: Path) -> None:
    results = tmp_path / "results.xml"
    for written in (None, "", '<testsuites><testcase name="x"'):
        if written is not None:
            results.write_text(written)
        assert test._counts(results) == {"tests": 0, "skipped": 0, "failed": []}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("pytest.ini", "", True),
        ("pyproject.toml", "[project]\nname = 'x'\n", False),
        ("pyproject.toml", "[tool.pytest.ini_options]\n", True),
        ("pyproject.toml", "[tool.pytest]\n", True),
        ("pyproject.toml", "not = [", True),
        ("tox.ini", "[tox]\n", False),
        ("tox.ini", "[pytest]\n", True),
        ("setup.cfg", "[metadata]\n", False),
        ("setup.cfg", "[tool:pytest]\n", True),
    ],
)
def test_a_file_for_other_programs_configures_pytest_only_if_it_says_so(
    tmp_path: Path, name: str, text: str, expected: bool
) -> None:
    (tmp_path / name).write_text(text)
    assert test._is_configured(tmp_path) is expected
