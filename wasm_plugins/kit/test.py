"""``wasm-plugins test``: build a project's plugin, and run its tests with pytest."""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

from wasm_plugins.kit.build import build
from wasm_plugins.kit.child_environment import child_environment
from wasm_plugins.kit.failures import DONE, FAILED, WRONG_ARGUMENTS, KitError, ToolMissing
from wasm_plugins.kit.languages import LANGUAGES
from wasm_plugins.kit.output import show
from wasm_plugins.kit.project import Project, find_project

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]

_PLUGIN: Final = "wasm_plugins.kit.pytest_plugin"
_CONFIGURATIONS: Final = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
"""What is pytest's configuration, whatever is in it."""

_SHARED: Final[Mapping[str, str]] = {"tox.ini": "[pytest]", "setup.cfg": "[tool:pytest]"}
"""What is for other programs as well, and which line makes it pytest's."""

_WRONG_USE: Final = 4
_NO_TESTS: Final = 5
"""How pytest ends when its own arguments are wrong, and when there were no tests."""


def add_parser(subcommands: Subcommands) -> None:
    """Add the subcommand to the command line."""
    parser = subcommands.add_parser("test", help="build a project's plugin and run its tests")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="the project; this folder, if not given")
    parser.add_argument("--no-build", action="store_true", help="test the plugin that was built before")
    parser.add_argument("--lang", choices=sorted(LANGUAGES), help="the language, if the files do not say it")
    parser.add_argument("--json", action="store_true", help="print one JSON document; pytest writes on standard error")
    parser.add_argument(
        "--pytest",
        type=shlex.split,
        default=[],
        metavar="ARGUMENTS",
        help='for pytest, as in --pytest="-x -k hook"',
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Build and test; status 1 if a test failed or there is none."""
    _check_pytest()
    project = find_project(arguments.folder, language=arguments.lang)
    if not arguments.no_build:
        build(project, is_quiet=arguments.json)
    elif not project.output.is_file():
        raise KitError(f"{project.output} is not there: leave --no-build out")
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "results.xml"
        report = [f"--junitxml={results}"] if arguments.json else []
        options = [*report, *_configuration(project, Path(scratch)), *arguments.pytest]
        status = _pytest(project, options, is_quiet=arguments.json)
        if arguments.json:
            show({"plugin": str(project.output), "pytest_status": status, **_counts(results)}, [], as_json=True)
    if status == _NO_TESTS and not arguments.json:
        raise KitError(f"{project.folder} has no tests: pytest looks for test_*.py")
    return {DONE: DONE, _WRONG_USE: WRONG_ARGUMENTS}.get(status, FAILED)


def _check_pytest() -> None:
    if importlib.util.find_spec("pytest") is None:
        raise ToolMissing("pytest is not installed: pip install 'pytest>=8.4,<10'")


def _pytest(project: Project, arguments: list[str], *, is_quiet: bool) -> int:
    """Run pytest in the project's folder, in a process of its own, and return how it ended.

    In this one, modules of the kit are loaded already, which pytest wants to rewrite first.
    """
    command = [sys.executable, "-m", "pytest", "-p", _PLUGIN, f"--wasm-plugin={project.output}", *arguments]
    done = subprocess.run(  # noqa: S603 - this very Python, without a shell
        command,
        cwd=project.folder,
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        stdout=2 if is_quiet else None,
        check=False,
    )
    return done.returncode


def _configuration(project: Project, scratch: Path) -> list[str]:
    """Return what keeps pytest from taking the configuration of a larger repository around the project for its own."""
    if _is_configured(project.folder):
        return []
    own = scratch / "pytest.ini"
    own.write_text("[pytest]\ntestpaths = tests\n")
    return ["-c", str(own), f"--rootdir={project.folder}"]


def _is_configured(folder: Path) -> bool:
    """Tell whether a project configures pytest itself; a file that cannot be read is left for pytest to complain of."""
    if any((folder / name).is_file() for name in _CONFIGURATIONS):
        return True
    for name, line in _SHARED.items():
        if (folder / name).is_file() and line in (folder / name).read_text(errors="replace").splitlines():
            return True
    try:
        tool = tomllib.loads((folder / "pyproject.toml").read_text()).get("tool")
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return isinstance(tool, dict) and "pytest" in tool


def _counts(results: Path) -> Mapping[str, Any]:
    """Read from pytest's own report how many tests there were and which failed; nothing, if it was not finished."""
    try:
        cases = list(ElementTree.parse(results).iter("testcase"))  # noqa: S314 - written by the author's own tests
    except (FileNotFoundError, ElementTree.ParseError):
        return {"tests": 0, "skipped": 0, "failed": []}
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return {
        "tests": len(cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
        "failed": [f"{case.get('classname', '')}::{case.get('name', '')}" for case in failed],
    }
