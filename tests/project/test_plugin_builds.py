"""Tests of how example plugins are found and when they are built again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from project import plugin_builds
from project.plugin_builds import PluginBuild


@pytest.fixture
def honey(tmp_path: Path) -> Path:
    """A plugin's folder that is not built yet."""
    folder = tmp_path / "honey"
    (folder / "build").mkdir(parents=True)
    (folder / "app.py").touch()
    (folder / "build.sh").write_text('set -e\ncd "$(dirname "$0")"\necho made > build/honey.wasm\n')
    return folder


def test_a_plugin_without_component_is_built(honey: Path) -> None:
    build = PluginBuild(honey)
    assert not build.is_up_to_date()
    build.build()
    assert build.component == honey / "build" / "honey.wasm"
    assert build.component.read_text() == "made\n"


def test_a_component_older_than_its_sources_is_built_again(honey: Path) -> None:
    build = PluginBuild(honey)
    build.build()
    os.utime(honey / "app.py", (2_000_000_000, 2_000_000_000))
    assert not build.is_up_to_date()
    os.utime(build.component, (2_000_000_001, 2_000_000_001))
    assert build.is_up_to_date()


def test_a_component_that_is_kept_beside_its_sources_is_taken(honey: Path) -> None:
    (honey / "honey.wasm").touch()
    assert PluginBuild(honey).component == honey / "honey.wasm"
    assert PluginBuild(honey).is_up_to_date()


def test_a_tool_that_is_missing_is_named(honey: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugin_builds.NEEDS, "honey", "no-such-tool")
    assert PluginBuild(honey).missing_tool() == "no-such-tool"
    monkeypatch.setitem(plugin_builds.NEEDS, "honey", "sh")
    assert PluginBuild(honey).missing_tool() is None


def test_the_plugins_of_the_demo_are_there() -> None:
    assert [build.name for build in plugin_builds.plugin_builds(["shipping", "loyalty"])] == ["loyalty", "shipping"]
