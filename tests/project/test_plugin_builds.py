"""Tests of how example plugins are found and when they are built again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from plugins import artifacts
from project.plugin_builds import BuildFailed, PluginBuild, ToolMissing, plugin_builds
from tests.kit.toolchains import missing_tool
from wasm_plugins.kit.__main__ import main as kit

EXAMPLES = ["loyalty", "order-limits", "shipping", "volume-discount"]


@pytest.fixture
def honey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PluginBuild:
    """A new plugin in C, which takes a tenth of a second to build."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert kit(["new", "honey", "--lang", "c"]) == 0
    return PluginBuild(tmp_path / "honey")


def _needs_c() -> None:
    if (tool := missing_tool("c")) is not None:
        pytest.skip(f"{tool} is not installed")


def _add_hook_text(honey: PluginBuild) -> None:
    source = honey.folder / "src" / "plugin.c"
    source.write_text(source.read_text().replace("thank you", "many thanks"))


def test_a_plugin_without_component_is_built(honey: PluginBuild) -> None:
    _needs_c()
    assert not honey.is_up_to_date()
    honey.build()
    assert honey.component == honey.folder / "build" / "honey.wasm"
    assert honey.is_up_to_date()


def test_a_component_older_than_its_sources_is_built_again(honey: PluginBuild) -> None:
    _needs_c()
    honey.build()
    os.utime(honey.folder / "src" / "plugin.c", (2_000_000_000, 2_000_000_000))
    assert not honey.is_up_to_date()
    os.utime(honey.component, (2_000_000_001, 2_000_000_001))
    assert honey.is_up_to_date()


def test_a_component_that_is_kept_is_replaced_with_its_record_when_its_sources_changed(honey: PluginBuild) -> None:
    _needs_c()
    kept = honey.folder / "honey.wasm"
    kept.touch()
    assert honey.component == kept
    honey.build()
    first = kept.read_bytes()
    assert honey.is_up_to_date()
    _add_hook_text(honey)
    assert not honey.is_up_to_date()
    honey.build()
    assert kept.read_bytes() != first
    assert honey.is_up_to_date()


def test_a_component_that_is_kept_stays_while_its_sources_do(honey: PluginBuild) -> None:
    _needs_c()
    kept = honey.folder / "honey.wasm"
    kept.write_bytes(b"as another machine built it")
    artifacts.record(honey.folder)
    honey.build()
    assert kept.read_bytes() == b"as another machine built it"


def test_a_tool_that_is_missing_is_named(honey: PluginBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(honey.folder))
    with pytest.raises(ToolMissing, match="clang is not installed"):
        honey.build()
    (honey.folder / "package.json").write_text("{}")
    with pytest.raises(ToolMissing, match="npm is not installed"):
        honey.build()


def test_a_build_that_fails_says_what_the_compiler_said(honey: PluginBuild) -> None:
    _needs_c()
    (honey.folder / "src" / "plugin.c").write_text("int wrong(void) { return nothing; }")
    with pytest.raises(BuildFailed, match=r"plugin\.c:1") as failed:
        honey.build()
    assert not isinstance(failed.value, ToolMissing)


def test_the_plugins_of_the_demo_are_there() -> None:
    assert [build.name for build in plugin_builds()] == EXAMPLES
    assert [build.name for build in plugin_builds(["shipping", "loyalty"])] == ["loyalty", "shipping"]


def test_all_but_the_largest_are_kept_so_that_the_demo_needs_no_toolchain_but_pythons() -> None:
    kept = [build.name for build in plugin_builds() if build.component.parent == build.folder]
    assert kept == [name for name in EXAMPLES if name != "loyalty"]
