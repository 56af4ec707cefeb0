"""``python -m project.plugin_builds``: build the example plugins whose tools are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plugins import artifacts

PLUGINS: Final = artifacts.ROOT / "plugins"
_TOOL_IS_MISSING: Final = 3
"""Exit status of the kit."""


class BuildFailed(Exception):
    """A plugin could not be built; the message has what the toolchain printed."""


class ToolMissing(BuildFailed):
    """A program is not installed; the message is one line and says how to install it."""


@dataclass(frozen=True)
class PluginBuild:
    """An example plugin, which is a project of the author's kit, and how to build it."""

    folder: Path

    @property
    def name(self) -> str:
        """The plugin's name, which is its folder's."""
        return self.folder.name

    @property
    def component(self) -> Path:
        """The component: in the folder where it is kept in the repository, else in ``build/``."""
        return self._kept if self._kept.exists() else self._built

    def is_up_to_date(self) -> bool:
        """Say whether the component was built from the sources: by its record, or else by its age."""
        if self._kept.exists():
            return not list(artifacts.problems_of(self._kept))
        if not self._built.exists():
            return False
        sources = (self.folder / name for name, _ in artifacts.sources(self.folder))
        return self._built.stat().st_mtime > max(path.stat().st_mtime for path in sources)

    def build(self) -> None:
        """Run the kit; a component that is kept gives way to the new one if its sources changed. Blocks for seconds.

        Raises:
            ToolMissing: A program of its toolchain is not installed.
            BuildFailed: The toolchain failed.
        """
        if (self.folder / "package.json").exists() and not (self.folder / "node_modules").exists():
            self._install_packages()
        self._run([sys.executable, "-m", "wasm_plugins.kit", "build", self.folder])
        if self._kept.exists() and not self.is_up_to_date():
            shutil.copy(self._built, self._kept)
            artifacts.record(self.folder)

    @property
    def _kept(self) -> Path:
        return self.folder / f"{self.name}.wasm"

    @property
    def _built(self) -> Path:
        return self.folder / "build" / f"{self.name}.wasm"

    def _install_packages(self) -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise ToolMissing("npm is not installed: install Node.js 20 or newer from https://nodejs.org")
        self._run([npm, "ci", "--no-audit", "--no-fund"])

    def _run(self, command: Sequence[str | Path]) -> None:
        environment = {**os.environ, "PYTHONPATH": str(artifacts.ROOT)}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode == _TOOL_IS_MISSING:
            raise ToolMissing(done.stdout.strip())
        if done.returncode != 0:
            raise BuildFailed(f"ended with status {done.returncode}:\n{done.stdout}")


def plugin_builds(names: Sequence[str] = ()) -> list[PluginBuild]:
    """List the example plugins by name, or those of these names."""
    found = sorted(declaration.parent for declaration in PLUGINS.glob("*/plugin.toml"))
    return [PluginBuild(folder) for folder in found if not names or folder.name in names]


def main() -> int:
    """Build what can be built, and say what could not and why."""
    failed = False
    for build in plugin_builds(sys.argv[1:]):
        sys.stdout.write(f"{build.name}: building\n")
        sys.stdout.flush()
        try:
            build.build()
        except ToolMissing as missing:
            sys.stdout.write(f"{build.name}: not built. {missing}\n")
        except BuildFailed as error:
            failed = True
            sys.stderr.write(f"{build.name}: {error}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
