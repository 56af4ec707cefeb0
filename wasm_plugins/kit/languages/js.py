"""JavaScript: jco puts the sources and QuickJS into one component of 1.6 MB."""

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
EDITOR: Final = "`wasm-plugins build` writes the interfaces for editors into `build/types`; `jsconfig.json` names it."
_JCO: Final = Path("node_modules") / ".bin" / "jco"


def is_used(folder: Path) -> bool:
    """Tell whether there is a ``package.json``."""
    return (folder / "package.json").is_file()


def build(run: BuildRun) -> bytes:
    """Run jco with its QuickJS backend, which takes about 5 seconds.

    WASI is left in: the switch that takes it out takes every ``wasi:…`` import with it, the plugin's log among them.
    """
    run.tool("node", install="install Node.js 20 or newer from https://nodejs.org")
    jco = run.folder / _JCO
    if not jco.exists():
        raise ToolMissing(f"jco is not installed in this project: cd {run.folder} && npm install")
    output = run.scratch / "component.wasm"
    run.call(
        [
            *(jco, "componentize", run.folder / SOURCE, "--wit", run.folder / "wit", "-n", wit_id(run.world)),
            *("--backend", "quickjs", "--backend-qjs-disable-async", "-o", output),
        ]
    )
    return output.read_bytes()


def write_stubs(run: BuildRun, target: Path) -> None:
    """Write the types of what the sources import and export."""
    run.call([run.folder / _JCO, "guest-types", run.folder / "wit", "-n", wit_id(run.world), "-o", target])
