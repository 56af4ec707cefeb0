"""``wasm-plugins build``: from a project's sources to one file that can be uploaded."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from wasm_plugins.exceptions import PluginError
from wasm_plugins.kit.check import checked, verdict_lines
from wasm_plugins.kit.facts import fact_lines
from wasm_plugins.kit.failures import KitError
from wasm_plugins.kit.files import replace_file
from wasm_plugins.kit.languages import LANGUAGES, BuildRun
from wasm_plugins.kit.output import show, tell
from wasm_plugins.kit.pack import pack
from wasm_plugins.kit.project import Project, find_project
from wasm_plugins.manifest import TOML_BYTES

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subcommands: Subcommands) -> None:
    """Add the subcommand to the command line."""
    parser = subcommands.add_parser("build", help="build a project's plugin")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="the project; this folder, if not given")
    parser.add_argument("--lang", choices=sorted(LANGUAGES), help="the language, if the files do not say it")
    parser.add_argument("--json", action="store_true", help="print one JSON document, and let compilers be silent")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Build, check, and print what came out; what the host would refuse is built all the same, and status 1."""
    project = find_project(arguments.folder, language=arguments.lang)
    begun = time.monotonic()
    output = build(project, is_quiet=arguments.json)
    try:
        data = checked(_shown(output))
    except PluginError:
        tell(f"{_shown(output)} is built, but a host would refuse it:")
        raise
    data["build_s"] = round(time.monotonic() - begun, 1)
    show(data, [*fact_lines(data), *verdict_lines(data)], as_json=arguments.json)
    return 0


def build(project: Project, *, is_quiet: bool = False) -> Path:
    """Run the toolchain, put ``plugin.toml`` in, and return where the plugin is; blocks until that is done.

    Args:
        project: What to build.
        is_quiet: Whether the toolchain's output is only shown when it fails.

    Raises:
        ToolMissing: A program is not installed.
        BuildFailed: The toolchain refused the sources.
        KitError: ``plugin.toml`` is no TOML, or too large.
        OSError: A file cannot be read or written.
    """
    declaration = _declaration(project)
    language = LANGUAGES[project.language]
    tell(f"building {project.world} with {language.TITLE}'s toolchain …")
    with tempfile.TemporaryDirectory() as scratch:
        component = language.build(
            BuildRun(folder=project.folder, world=project.world, scratch=Path(scratch), is_quiet=is_quiet)
        )
    project.output.parent.mkdir(exist_ok=True)
    replace_file(project.output, pack(component, declaration))
    _write_stubs(project)
    return project.output


def _write_stubs(project: Project) -> None:
    """Replace what editors read of the interfaces; where that fails, the plugin is built all the same."""
    folder = project.output.parent / "types"
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "types"
        run = BuildRun(folder=project.folder, world=project.world, scratch=Path(scratch), is_quiet=True)
        try:
            LANGUAGES[project.language].write_stubs(run, made)
        except KitError as error:
            tell(f"types for editors were not written: {error}")
        if made.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(made, folder, dirs_exist_ok=True)


def _declaration(project: Project) -> bytes:
    """Read ``plugin.toml`` before a compiler takes its time, so that a slip of the pen costs none."""
    text = project.declaration.read_bytes()
    if len(text) > TOML_BYTES:
        raise KitError(f"{project.declaration}: {len(text)} bytes; the limit is {TOML_BYTES}")
    try:
        tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise KitError(f"{project.declaration}: {error}") from None
    return text


def _shown(path: Path) -> Path:
    """Return a path as short as it can be said from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
