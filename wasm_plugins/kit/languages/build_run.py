"""One run of a toolchain: what it builds, where its programs are found, and who sees what they say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from wasm_plugins.kit.child_environment import child_environment
from wasm_plugins.kit.failures import BuildFailed, ToolMissing

_KEPT_CHARS: Final = 2_000
"""How much of a compiler's output an error carries, of its beginning and of its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRun:
    """What a language's ``build`` is given."""

    folder: Path
    """The project."""

    world: str
    """The world to build for."""

    scratch: Path
    """An empty folder that is gone afterwards."""

    is_quiet: bool = False
    """Whether programs say nothing unless they fail; else the author reads along on standard error."""

    tools: str = field(default_factory=lambda: tool_path())
    """Folders in which programs are looked for, as ``PATH`` has them."""

    def tool(self, name: str, *, install: str) -> str:
        """Return where a program lies.

        Raises:
            ToolMissing: It is not installed; ``install`` says how to.
        """
        found = shutil.which(name, path=self.tools)
        if found is None:
            raise ToolMissing(f"{name} is not installed: {install}")
        return found

    def call(self, command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None) -> None:
        """Run a program in the project's folder; blocks until it is done.

        Raises:
            BuildFailed: It ended with another status than 0.
        """
        done = subprocess.run(  # noqa: S603 - a program of the author's own toolchain, without a shell
            command,
            cwd=self.folder,
            env=child_environment({"PATH": self.tools, **(environment or {})}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if self.is_quiet else 2,  # standard output is for our answer
            stderr=subprocess.STDOUT if self.is_quiet else None,
            check=False,
        )
        if done.returncode != 0:
            said = _shortened((done.stdout or b"").decode(errors="replace").strip())
            name = Path(command[0]).name
            raise BuildFailed(f"{name} ended with status {done.returncode}" + (f":\n{said}" if said else ", see above"))

    def ask(self, command: Sequence[str | Path]) -> str:
        """Run a program that tells something, and return its output; an empty text if it fails."""
        done = subprocess.run(  # noqa: S603 - as above
            command,
            cwd=self.folder,
            env=child_environment({"PATH": self.tools}),
            capture_output=True,
            check=False,
        )
        return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""


def _shortened(text: str) -> str:
    return text if len(text) <= 2 * _KEPT_CHARS else f"{text[:_KEPT_CHARS]}\n…\n{text[-_KEPT_CHARS:]}"


def tool_path() -> str:
    """Return where programs are looked for: beside this Python first, where pip puts them."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
