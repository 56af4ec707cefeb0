"""Tests of the house itself: what every file must hold to, whoever wrote it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OF_ONE_MACHINE = re.compile(
    r"/(?:home|root|Users|work)/[a-z]" + "|" + r"(?:index-url|registry|mirror)\s*=\s*[\"']?https?://",
    re.ASCII,
)
BINARY = {".wasm", ".png", ".ico", ".woff2", ".gz"}
PLACEHOLDER = re.compile(r"/(?:home|Users)/(?:you|user|me)\b")


def _tracked() -> list[Path]:
    """List the project's files: what git tracks or would track."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.check_output(command, cwd=ROOT, text=True).split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def _python() -> list[Path]:
    return [path for path in _tracked() if path.suffix == ".py"]


def test_continuous_integration_runs_the_tests_and_the_checks() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert {"set -euo pipefail", "make test", "make lint"} <= set(lines)


def test_no_text_names_a_path_or_a_registry_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in _tracked()
        if path.suffix not in BINARY and path != Path(__file__)
        for match in OF_ONE_MACHINE.finditer(PLACEHOLDER.sub("", path.read_text(errors="replace")))
    ]
    assert found == []


def test_every_module_says_in_a_docstring_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in _python()
        if "migrations" not in path.parts and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert [name for name in silent if (ROOT / name).stat().st_size] == []


def test_every_target_of_the_makefile_is_in_its_help() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony is not None
    for target in phony[1].split():
        assert re.search(rf"^{target}:.*## \S", text, re.MULTILINE), target


def test_every_dependency_is_a_range_that_ends() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert all(">=" in each and "<" in each for each in project["dependencies"])


@pytest.mark.django_db(databases=["default", "sqlite"])
def test_no_migration_of_the_project_is_missing() -> None:
    from django.core.management import call_command

    call_command("makemigrations", "--check", "--dry-run", "shop", verbosity=0)


@pytest.mark.slow
def test_the_wheel_has_the_contract_and_the_templates_and_nothing_of_the_project(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, ROOT],
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for wit in (ROOT / "wit").rglob("*.wit"):
        assert f"wasm_plugins/{wit.relative_to(ROOT)}" in names
    for template in (ROOT / "wasm_plugins").rglob("*.tmpl"):
        assert str(template.relative_to(ROOT)) in names
    tops = {name.partition("/")[0] for name in names}
    assert all(top == "wasm_plugins" or top.endswith(".dist-info") for top in tops)
