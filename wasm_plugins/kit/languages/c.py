"""C: clang makes a core module of a few kilobytes, and wasm-component-ld a component of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from wasm_plugins.kit.failures import KitError, ToolMissing

from .build_run import BuildRun

TITLE: Final = "C"
SOURCE: Final = "src/plugin.c"
SIGNS: Final = "src/*.c"
NEEDS: Final = (
    "clang with lld (apt-get install clang lld) and wasm-component-ld, which comes with Rust (https://rustup.rs)"
)
EDITOR: Final = "`src/plugin.h` is all that an editor needs."
_LLVM: Final = "apt-get install clang lld, brew install llvm lld, or https://releases.llvm.org"
_LINKER: Final = "wasm-component-ld"
_STACK_BYTES: Final = 64 * 1024


def is_used(folder: Path) -> bool:
    """Tell whether there are C files in ``src``, and no crate that has them built."""
    return any((folder / "src").glob("*.c")) and not (folder / "Cargo.toml").is_file()


def build(run: BuildRun) -> bytes:
    """Compile every file in ``src`` and link; the same sources give the same bytes."""
    clang = run.tool("clang", install=_LLVM)
    core_linker = run.tool("wasm-ld", install=_LLVM)
    linker = _component_linker(run)
    sources = sorted((run.folder / "src").glob("*.c"))
    if not sources:
        raise KitError(f"{run.folder / 'src'} has no *.c files")
    objects = [_compiled(run, clang, source) for source in sources]
    output = run.scratch / "component.wasm"
    run.call(
        [
            *(linker, "--wasm-ld-path", core_linker, "--wasi-adapter", "none", "--component-type", run.folder / "wit"),
            *("--no-entry", "--strip-all", "-z", f"stack-size={_STACK_BYTES}", "--stack-first", "-o", output),
            *objects,
        ]
    )
    return output.read_bytes()


def write_stubs(run: BuildRun, target: Path) -> None:
    """Write nothing: the header is in the project."""


def _compiled(run: BuildRun, clang: str, source: Path) -> Path:
    target = run.scratch / f"{source.stem}.o"
    flags = ("--target=wasm32-unknown-unknown", "-Oz", "-ffreestanding", "-fno-builtin", "-Wall", "-Wextra")
    run.call([clang, *flags, f"-ffile-prefix-map={run.folder}=.", "-c", source, "-o", target])
    return target


def _component_linker(run: BuildRun) -> str:
    """Return the linker: of the search path, or the one that is part of a Rust toolchain."""
    if found := shutil.which(_LINKER, path=run.tools):
        return found
    rustc = shutil.which("rustc", path=run.tools)
    sysroot = run.ask([rustc, "--print", "sysroot"]) if rustc else ""
    inside = sorted(Path(sysroot).glob(f"lib/rustlib/*/bin/{_LINKER}")) if sysroot else []
    if not inside:
        raise ToolMissing(
            f"{_LINKER} is not installed: install Rust as https://rustup.rs says, or cargo install {_LINKER}"
        )
    return str(inside[0])
