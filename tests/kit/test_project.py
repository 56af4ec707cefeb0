"""How a project is known: by its files."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from wasm_plugins.kit.failures import KitError
from wasm_plugins.kit.project import find_project

WORLD = "package example:bonus;\n\n/// world peace {\nworld bonus {\n}\n"


def _project(folder: Path, *files: str, world: str = WORLD) -> Path:
    for name in ("plugin.toml", "wit/world.wit", *files):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(world if name.endswith(".wit") else "")
    return folder


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("app.py", "python"),
        ("src/app.py", "python"),
        ("Cargo.toml", "rust"),
        ("package.json", "js"),
        ("src/any.c", "c"),
    ],
)
def test_the_files_tell_the_language(name: str, language: str, tmp_path: Path) -> None:
    assert find_project(_project(tmp_path, name)).language == language


@pytest.mark.parametrize(("name", "language"), [("loyalty", "python"), ("shipping", "rust")])
def test_the_example_plugins_are_projects(name: str, language: str) -> None:
    found = find_project(Path(__file__).resolve().parents[2] / "plugins" / name)
    assert (found.world, found.language) == (name, language)


def test_files_of_two_languages_need_a_word(tmp_path: Path) -> None:
    folder = _project(tmp_path, "app.py", "package.json")
    with pytest.raises(KitError, match="--lang"):
        find_project(folder)
    assert find_project(folder, language="python").language == "python"


def test_files_of_no_language_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KitError):
        find_project(_project(tmp_path, "plugin.go"))


def test_a_crate_with_c_in_it_is_rust(tmp_path: Path) -> None:
    assert find_project(_project(tmp_path, "Cargo.toml", "src/part.c")).language == "rust"


@pytest.mark.parametrize(
    "world",
    [
        "package a:b; world bonus {}",
        "package a:b;\nworld %bonus {\n}",
        "package a:b;\n@since(version = 1.0.0)\nworld bonus {}",
        "package a:b;\n@unstable(feature = x) @since( version = 1.0.0 )\n@deprecated\nworld bonus\n{}",
    ],
)
def test_the_world_is_found(world: str, tmp_path: Path) -> None:
    assert find_project(_project(tmp_path, "app.py", world=world)).world == "bonus"


@pytest.mark.parametrize(
    "world", ["package a:b;", "package a:b;\n// world bonus {}", "package a:b; world one {} world two {}"]
)
def test_a_project_without_one_world_is_refused(world: str, tmp_path: Path) -> None:
    with pytest.raises(KitError, match="world"):
        find_project(_project(tmp_path, "app.py", world=world))


@pytest.mark.parametrize("text", ["; @a" + " @a" * 50_000, ";" + " " * 100_000, ";@a(" * 50_000, "/*" * 100_000])
def test_a_text_that_is_no_world_takes_no_time(text: str, tmp_path: Path) -> None:
    folder = _project(tmp_path, "app.py", world=text)
    began = time.thread_time()
    with pytest.raises(KitError, match="no world"):
        find_project(folder)
    assert time.thread_time() - began < 1


def test_a_folder_without_plugin_toml_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(KitError, match=r"plugin\.toml"):
        find_project(tmp_path)
