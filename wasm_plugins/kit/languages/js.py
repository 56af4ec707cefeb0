"""JavaScript: componentize-qjs puts the sources and QuickJS into one component of 1.6 MB."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from wasm_plugins.kit.failures import ToolMissing
from wasm_plugins.kit.wit_words import wit_id

from .build_run import BuildRun

TITLE: Final = "JavaScript"
SOURCE: Final = "src/app.js"
SIGNS: Final = "package.json"
NEEDS: Final = "Node.js 20 or newer with npm (https://nodejs.org), and npm install in the project's folder"
EDITOR: Final = (
    "With `npm install --save-dev @bytecodealliance/jco@1.35.0`, `wasm-plugins build` also writes the interfaces for "
    "editors into `build/types`, which `jsconfig.json` names; what they call `bigint` is a `number`."
)
_TOOL: Final = "componentize-qjs"
_TYPES_TOOL: Final = "jco"


def is_used(folder: Path) -> bool:
    """Tell whether there is a ``package.json``."""
    return (folder / "package.json").is_file()


def build(run: BuildRun) -> bytes:
    """Run componentize-qjs, which takes about 2 seconds.

    WASI is left in: the switch that takes it out takes every ``wasi:…`` import with it, the plugin's log among them.
    """
    run.tool("node", install="install Node.js 20 or newer from https://nodejs.org")
    tool = run.folder / "node_modules" / ".bin" / _TOOL
    if not tool.exists():
        raise ToolMissing(f"{_TOOL} is not installed in this project: cd {run.folder} && npm install")
    output = run.scratch / "component.wasm"
    run.call(
        [
            *(tool, "--js", run.folder / SOURCE, "--wit", run.folder / "wit", "--world", wit_id(run.world)),
            *("--sync", "--output", output),
        ]
    )
    return output.read_bytes()


def write_stubs(run: BuildRun, target: Path) -> None:
    """Write the types of what the sources import and export, if the author installed jco: it has ten times the size."""
    tool = run.folder / "node_modules" / ".bin" / _TYPES_TOOL
    if tool.exists():
        run.call([tool, "guest-types", run.folder / "wit", "-n", wit_id(run.world), "-o", target])
