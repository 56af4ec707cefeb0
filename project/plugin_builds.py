"""``python -m project.plugin_builds``: build the example plugins whose tools are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PLUGINS = Path(__file__).resolve().parent.parent / "plugins"
NEEDS = {"loyalty": "componentize-py", "shipping": "cargo"}


@dataclass(frozen=True)
class PluginBuild:
    """An example plugin and how to build it."""

    folder: Path

    @property
    def name(self) -> str:
        """The plugin's name, which is its folder's."""
        return self.folder.name

    @property
    def component(self) -> Path:
        """The component: in the folder where it is kept in the repository, else in ``build/``."""
        kept = self.folder / f"{self.name}.wasm"
        return kept if kept.exists() else self.folder / "build" / kept.name

    def is_up_to_date(self) -> bool:
        """Say whether the component is there and newer than its sources; one that is kept counts as new."""
        if self.component.parent == self.folder:
            return True
        sources = (path for pattern in ("*.py", "*.toml", "*.sh", "wit/**/*.wit") for path in self.folder.glob(pattern))
        return self.component.exists() and self.component.stat().st_mtime > max(
            path.stat().st_mtime for path in sources
        )

    def missing_tool(self) -> str | None:
        """Name the program that is needed and not installed."""
        tool = NEEDS.get(self.name)
        return tool if tool is not None and shutil.which(tool, path=_path()) is None else None

    def build(self) -> None:
        """Run the plugin's ``build.sh``; raises ``CalledProcessError`` with its output when that fails."""
        script = self.folder / "build.sh"
        subprocess.run(
            ["/bin/sh", script],
            env={**os.environ, "PATH": _path(), "PYTHONPATH": str(PLUGINS.parent)},
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def _path() -> str:
    """Put the programs of this Python's environment first."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def plugin_builds(names: Sequence[str] = ()) -> list[PluginBuild]:
    """List the example plugins, or those of these names."""
    found = sorted(script.parent for script in PLUGINS.glob("*/build.sh"))
    return [PluginBuild(folder) for folder in found if not names or folder.name in names]


def main() -> int:
    """Build what can be built, and say what could not and why."""
    failed = False
    for build in plugin_builds(sys.argv[1:]):
        tool = build.missing_tool()
        if tool is not None:
            sys.stdout.write(f"{build.name}: not built, {tool} is not installed\n")
            continue
        sys.stdout.write(f"{build.name}: building\n")
        sys.stdout.flush()
        try:
            build.build()
        except subprocess.CalledProcessError as error:
            failed = True
            sys.stderr.write(f"{build.name}: build.sh ended with code {error.returncode}\n{error.output}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
