"""pytest's side: where ``plugin_host`` finds the plugin, and that it is no burden to runs that do not use it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.components import ok, plugin_component, text_hook
from tests.host_imports import sql
from tests.kit.plugins import file_blocks
from wasm_plugins.kit import pytest_plugin

ROOT = Path(__file__).resolve().parents[2]
NAME = "wasm_plugins.kit.pytest_plugin"
OTHERS = ["-p", "no:django", "-p", "no:hypothesispytest", "-p", "no:anyio", "-p", "no:xdist"]
"""Installed here, of no interest there, and slow to load."""

TOML = '[capabilities.database.tables]\npoints = ["insert"]'
TESTS = """
TABLES = "CREATE TABLE points (id INTEGER)"

def test_one(plugin_host):
    plugin_host.use_database(TABLES)
    assert plugin_host.call_hook("a", 1, "x").answer == "done"
    assert plugin_host.execute("SELECT id FROM points") == [{"id": 7}]

def test_two(plugin_host):
    assert "no database" in plugin_host.call_hook("a", 1, "x").err
    plugin_host.use_database(TABLES)
    assert plugin_host.execute("SELECT id FROM points") == []
"""
IDLE = """
import sys

def test_that_nothing_was_imported():
    ours = {name for name in sys.modules if name.partition(".")[0] == "wasm_plugins"}
    assert ours == {"wasm_plugins", "wasm_plugins.kit", "wasm_plugins.kit.pytest_plugin"}
    assert "wasmtime" not in sys.modules

def test_that_it_is_loaded_once(request):
    plugins = request.config.pluginmanager.list_name_plugin()
    assert [name for name, plugin in plugins if name.startswith("wasm_plugins")] == ["wasm_plugins.kit.pytest_plugin"]
"""


def project_with_tests(folder: Path, tests: str = TESTS) -> Path:
    """Write a project that was built, with tests of its own, and return its folder."""
    for name in ("wit", "build", "tests"):
        (folder / name).mkdir(parents=True)
    (folder / "plugin.toml").write_text(TOML)
    (folder / "wit" / "world.wit").write_text("package example:greeter;\nworld greeter {}\n")
    body = ok("done", first=[sql("INSERT INTO points (id) VALUES (7)")])
    data = plugin_component("greeter", toml=TOML, hooks={"a": text_hook(body)})
    (folder / "build" / "greeter.wasm").write_bytes(data)
    (folder / "tests" / "test_greeter.py").write_text(tests)
    return folder


def _run(folder: Path, *arguments: str, status: int = 0, loads: bool = False, paths: tuple[Path, ...] = ()) -> str:
    """Run pytest in a folder, expect an exit status, and return what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}
    alone = {} if loads else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment = {**kept, **alone, "PYTHONPATH": os.pathsep.join(map(str, [ROOT, *paths]))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--import-mode=importlib", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_the_plugin_of_the_project_around_a_test_is_called_and_what_is_missing_is_said(tmp_path: Path) -> None:
    project_with_tests(tmp_path / "good")
    one = TESTS.partition("def test_two")[0]
    for name in ("broken", "unbuilt", "nowhere"):
        project_with_tests(tmp_path / name, one)
    (tmp_path / "broken" / "build" / "greeter.wasm").write_bytes(b"no component")
    (tmp_path / "unbuilt" / "build" / "greeter.wasm").unlink()
    (tmp_path / "nowhere" / "plugin.toml").unlink()
    told = _run(tmp_path, "-p", NAME, status=1)
    assert "2 passed, 3 errors" in told  # each test of the good one has a world of its own
    assert "plugin_host: " in told
    assert "wasm-plugins build" in told
    assert "--wasm-plugin FILE" in told
    assert "Traceback" not in told


def test_the_plugin_may_be_named_in_the_configuration_and_an_option_wins(tmp_path: Path) -> None:
    project = project_with_tests(tmp_path / "greeter")
    (project / "build" / "greeter.wasm").rename(tmp_path / "greeter.wasm")
    (project / "pytest.ini").write_text("[pytest]\nwasm_plugin = ../greeter.wasm\n")
    assert "2 passed" in _run(tmp_path, "-p", NAME, "-c", "greeter/pytest.ini", "greeter/tests")
    (project / "pytest.ini").write_text("[pytest]\nwasm_plugin = ../nothing.wasm\n")
    assert "2 passed" in _run(project, "-p", NAME, "--wasm-plugin=../greeter.wasm")


def test_the_test_with_a_database_in_the_how_to_passes(tmp_path: Path) -> None:
    project = project_with_tests(tmp_path / "bonus")
    body = ok("done", first=[sql("INSERT INTO bonus_point (order_id) VALUES ($1)", 42)])
    toml = '[capabilities.database.tables]\nbonus_point = ["insert"]'
    data = plugin_component("bonus", toml=toml, hooks={"order-placed": text_hook(body)})
    (project / "build" / "greeter.wasm").write_bytes(data)
    (project / "tests" / "test_greeter.py").write_text(
        dict(file_blocks(ROOT / "docs" / "how-to" / "test-a-plugin.md"))["test_points.py"]
    )
    assert "1 passed" in _run(project, "-p", NAME)


def test_a_run_that_does_not_use_it_imports_nothing_and_it_is_loaded_once_however_often_it_is_named(
    tmp_path: Path,
) -> None:
    (tmp_path / "test_idle.py").write_text(IDLE)
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    assert entry == {NAME: NAME}
    installed = tmp_path / "site" / "made_up-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[pytest11]\n{NAME} = {NAME}\n")
    for arguments in (OTHERS, [*OTHERS, "-p", NAME]):
        assert "2 passed" in _run(tmp_path, *arguments, "-W", "error", loads=True, paths=(tmp_path / "site",))


def test_it_adds_one_fixture_and_one_option() -> None:
    names = {name for name in vars(pytest_plugin) if name.startswith("pytest_")}
    assert names == {"pytest_addoption"}
    fixtures = [name for name, value in vars(pytest_plugin).items() if "fixture" in type(value).__name__.lower()]
    assert fixtures == ["plugin_host"]


@pytest.mark.parametrize("name", ["plugin_host", "pytest_addoption"])
def test_what_pytest_shows_of_it_has_a_text(name: str) -> None:
    assert getattr(pytest_plugin, name).__doc__
