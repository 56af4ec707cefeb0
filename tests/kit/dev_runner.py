"""The kit's command line with one language more, whose build takes no time: its source is the component itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

from wasm_plugins.kit.__main__ import main
from wasm_plugins.kit.failures import BuildFailed
from wasm_plugins.kit.languages import LANGUAGES, BuildRun

SOURCE = "src/plugin.bin"


class Copied:
    """A language that needs no compiler."""

    TITLE = "nothing"
    SOURCE = SOURCE
    SIGNS = SOURCE
    NEEDS = "nothing"
    EDITOR = ""

    @staticmethod
    def is_used(folder: Path) -> bool:
        """Tell by the source."""
        return (folder / SOURCE).is_file()

    @staticmethod
    def build(run: BuildRun) -> bytes:
        """Return the source, or fail as a compiler does."""
        data = (run.folder / SOURCE).read_bytes()
        if data.startswith(b"error"):
            raise BuildFailed(data.decode())
        return data

    @staticmethod
    def write_stubs(run: BuildRun, target: Path) -> None:
        """Write nothing."""


def make_project(folder: Path, component: bytes) -> Path:
    """Make a project in it."""
    for name in ("src", "wit"):
        (folder / name).mkdir(parents=True)
    (folder / "plugin.toml").write_text('version = "1"\ntitle = "Talker"\ndescription = "Talks."\n')
    (folder / "wit" / "world.wit").write_text("package a:b;\nworld talker {\n}\n")
    (folder / SOURCE).write_bytes(component)
    return folder


if __name__ == "__main__":
    cast(dict[str, Any], LANGUAGES)["copied"] = Copied()  # here only: other tests count the languages
    sys.exit(main())
