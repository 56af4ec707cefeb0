"""Tells whether a component that is kept in the repository was built from the sources that lie beside it.

Such a component ``x.wasm`` has a record ``x.wasm.json`` with two digests: of the component, and of the
sources it was built from. After a build, ``python plugins/artifacts.py record FOLDER`` writes the record, and
``python plugins/artifacts.py check`` compares every record with what is there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
NO_SOURCE_FOLDERS: Final = frozenset({"build", "target", "node_modules", "tests", "__pycache__", ".pytest_cache"})
"""What tools made, and tests."""

NO_SOURCES: Final = (".wasm", ".wasm.json", ".md", "pytest.ini", "jsconfig.json", "pyrightconfig.json")
"""Ends of names of what does not decide what is built: the component, its record, prose, settings of editors."""


def sources(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the path and the bytes of each file in the folder that decides what is built."""
    for at, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if each not in NO_SOURCE_FOLDERS]
        for name in files:
            if not name.endswith(NO_SOURCES):
                path = Path(at, name)
                yield path.relative_to(folder).as_posix(), path.read_bytes()


def sources_digest(folder: Path) -> str:
    """Return the sha256, in hex, of the names and bytes of all source files in the folder."""
    digest = hashlib.sha256()
    for name, data in sorted(sources(folder)):
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def record(folder: Path) -> None:
    """Write the record of each component in the folder. Call it right after a build."""
    for component in sorted(folder.glob("*.wasm")):
        digests = {"sha256": _sha256(component), "sources_sha256": sources_digest(folder)}
        _record_of(component).write_text(json.dumps(digests, indent=2) + "\n")


def problems(root: Path = ROOT) -> list[str]:
    """Say, one sentence each, which components do not fit their sources. An empty list is good news."""
    found: list[str] = []
    for folder in sorted([*(root / "plugins").iterdir(), root / "tests" / "windmill", root / "tests" / "fetcher"]):
        for component in sorted(folder.glob("*.wasm")):
            found.extend(problems_of(component))
    return found


def problems_of(component: Path) -> Iterator[str]:
    """Say, one sentence each, why a component does not fit the sources that lie beside it."""
    name = component.parent.name
    if not _record_of(component).exists():
        yield f"{name}: {component.name} has no record"
        return
    recorded = json.loads(_record_of(component).read_text())
    if recorded["sha256"] != _sha256(component):
        yield f"{name}: {component.name} is not the component that was recorded"
    if recorded["sources_sha256"] != sources_digest(component.parent):
        yield f"{name}: the sources changed since {component.name} was built"


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``record FOLDER…`` or ``check``, and return the exit status: 1 when a component does not fit."""
    parser = argparse.ArgumentParser(prog="artifacts.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="compare every record with what is there")
    commands.add_parser("record", help="write the records").add_argument("folder", type=Path, nargs="+")
    arguments = parser.parse_args(argv)
    if arguments.command == "record":
        for folder in arguments.folder:
            record(folder)
        return 0
    found = problems()
    sys.stdout.writelines(f"{problem}\n" for problem in found)
    return 1 if found else 0


def _record_of(component: Path) -> Path:
    return component.with_name(f"{component.name}.json")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
