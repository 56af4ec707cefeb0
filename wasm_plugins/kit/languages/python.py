"""Python: componentize-py puts the sources and CPython into one component."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from wasm_plugins.kit.wit_words import wit_id

from .build_run import BuildRun

TITLE: Final = "Python"
SOURCE: Final = "src/app.py"
SIGNS: Final = "src/app.py or app.py"
NEEDS: Final = "componentize-py, which the extra kit of django-wasm-plugins brings"
EDITOR: Final = (
    "`wasm-plugins build` writes the interfaces for editors into `build/types`; `pyrightconfig.json` names it."
)
_INSTALL: Final = "pip install 'componentize-py>=0.25,<0.26'"
_APP: Final = "app"
_DEPENDENCIES: Final = "deps"
"""A folder of pure Python packages, as ``pip install --target deps`` makes it."""


def is_used(folder: Path) -> bool:
    """Tell whether there is an ``app.py``."""
    return any(_is_app(place) for place in _places(folder))


def build(run: BuildRun) -> bytes:
    """Run componentize-py, which takes 10 to 20 seconds; the source folder is all that it may import from."""
    tool = run.tool("componentize-py", install=_INSTALL)
    source = next(place for place in _places(run.folder) if _is_app(place))
    output = run.scratch / "component.wasm"
    paths = [source, *(each for each in (run.folder / _DEPENDENCIES,) if each.is_dir())]
    run.call(
        [
            *(tool, "-d", run.folder / "wit", "-w", wit_id(run.world), "componentize", _APP),
            *(part for path in paths for part in ("-p", path)),
            *("-o", output),
        ]
    )
    return output.read_bytes()


def write_stubs(run: BuildRun, target: Path) -> None:
    """Write the modules that the sources import, which are otherwise only inside the component."""
    tool = run.tool("componentize-py", install=_INSTALL)
    run.call([tool, "-d", run.folder / "wit", "-w", wit_id(run.world), "bindings", target])


def _places(folder: Path) -> tuple[Path, Path]:
    return folder / "src", folder


def _is_app(place: Path) -> bool:
    return (place / f"{_APP}.py").is_file()
