"""``wasm-plugins new``: what a project has, and what it refuses."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.kit.plugins import kit
from wasm_plugins.kit.__main__ import main
from wasm_plugins.kit.languages import LANGUAGES, find_languages
from wasm_plugins.kit.project import find_project
from wasm_plugins.kit.wit_packages import wit_folder


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_project_is_complete(language: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = kit(capsys, "new", "bonus-points", "--lang", language)
    files = set(made["files"])
    common = {".gitignore", "README.md", "plugin.toml", "tests/test_plugin.py", "wit/world.wit"}
    assert common | {LANGUAGES[language].SOURCE} <= files
    folder = here / "bonus-points"
    assert {
        str(path.relative_to(folder)) for path in folder.rglob("*") if "deps" not in path.parts and path.is_file()
    } == files
    project = find_project(folder)
    assert (project.world, project.language) == ("bonus-points", language)
    assert tomllib.loads((folder / "plugin.toml").read_text())["title"] == "Bonus points"
    assert not [path for path in folder.rglob("*") if path.is_file() and "{{" in path.read_text()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_project_looks_like_its_own_language_only(language: str, here: Path) -> None:
    assert main(["new", "bonus", "--lang", language]) == 0
    assert find_languages(here / "bonus") == [language]


def test_a_project_has_all_interfaces_of_the_host(here: Path) -> None:
    assert main(["new", "bonus", "--lang", "python"]) == 0
    deps = here / "bonus" / "wit" / "deps"
    ours = {path.relative_to(wit_folder()): path.read_bytes() for path in wit_folder().rglob("*.wit")}
    assert {path.relative_to(deps): path.read_bytes() for path in deps.rglob("*.wit")} == ours
    assert ours


@pytest.mark.parametrize(
    "name", ["Bonus", "bonus_points", "1st", "-", "../bonus", "a" * 64, "admin", "bonus--points", ""]
)
def test_a_name_that_the_host_would_refuse_is_refused(
    name: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kit(capsys, "new", "--lang=c", "--", name, status=1)["error"]["field"] == "NAME"
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "file", "dangling"])
def test_what_is_there_is_left_alone(kind: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = here / "bonus"
    if kind == "folder":
        taken.mkdir()
    elif kind == "file":
        taken.write_text("mine")
    else:
        taken.symlink_to(here / "nowhere")
    before = sorted(here.rglob("*"))
    assert "choose another name" in kit(capsys, "new", "bonus", "--lang", "c", status=1)["error"]["message"]
    assert sorted(here.rglob("*")) == before


def test_a_name_that_is_a_word_of_wit_is_escaped_there(here: Path) -> None:
    assert main(["new", "record", "--lang", "python"]) == 0
    assert "world %record {" in (here / "record" / "wit" / "world.wit").read_text()
    assert find_project(here / "record").world == "record"


def test_the_next_steps_are_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "bonus", "--lang", "rust"]) == 0
    told = capsys.readouterr().out
    assert "cd bonus" in told
    assert "wasm-plugins build" in told
