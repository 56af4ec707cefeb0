"""Tests of the records that tell whether a component in the repository was built from the sources beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins import artifacts


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A folder with a component, its sources, and a record that is right."""
    for name in ("src/app.js", "package.json", "plugin.toml", "wit/world.wit", "tests/test_plugin.py", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "honey.wasm").write_bytes(b"component")
    artifacts.record(tmp_path)
    return tmp_path


def _problems(plugin: Path) -> list[str]:
    return list(artifacts.problems_of(plugin / "honey.wasm"))


@pytest.mark.parametrize("source", ["src/app.js", "package.json", "plugin.toml", "wit/world.wit"])
def test_a_source_that_changed_without_its_component_is_told(source: str, plugin: Path) -> None:
    assert _problems(plugin) == []
    (plugin / source).write_text("changed")
    assert len(_problems(plugin)) == 1


@pytest.mark.parametrize("change", ["src/new.js", "src/app.js"])
def test_a_source_that_came_or_went_is_told(change: str, plugin: Path) -> None:
    path = plugin / change
    path.unlink() if path.exists() else path.touch()
    assert len(_problems(plugin)) == 1


def test_a_component_that_is_not_the_recorded_one_is_told(plugin: Path) -> None:
    (plugin / "honey.wasm").write_bytes(b"another")
    assert len(_problems(plugin)) == 1


def test_a_component_without_a_record_is_told(plugin: Path) -> None:
    (plugin / "honey.wasm.json").unlink()
    assert len(_problems(plugin)) == 1


@pytest.mark.parametrize(
    "path", ["README.md", "tests/test_plugin.py", "build/honey.wasm", "node_modules/left/pad.js", "target/debug/x"]
)
def test_prose_tests_and_what_tools_made_do_not_decide_what_is_built(path: str, plugin: Path) -> None:
    (plugin / path).parent.mkdir(parents=True, exist_ok=True)
    (plugin / path).write_text("changed")
    assert _problems(plugin) == []
