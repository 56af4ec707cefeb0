"""Rust: cargo builds a component for the target ``wasm32-wasip2``."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from wasm_plugins.kit.failures import BuildFailed, ToolMissing

from .build_run import BuildRun

TITLE: Final = "Rust"
SOURCE: Final = "src/lib.rs"
SIGNS: Final = "Cargo.toml"
NEEDS: Final = "Rust (https://rustup.rs) and its target wasm32-wasip2 (rustup target add wasm32-wasip2)"
EDITOR: Final = "rust-analyzer knows the interfaces by itself, from the macro at the top of the source."
TARGET: Final = "wasm32-wasip2"
_BETWEEN: Final = "\x1f"
"""What stands between two flags in ``CARGO_ENCODED_RUSTFLAGS``."""


def is_used(folder: Path) -> bool:
    """Tell whether there is a ``Cargo.toml``."""
    return (folder / "Cargo.toml").is_file()


def build(run: BuildRun) -> bytes:
    """Run ``cargo build --release``; the first time it fetches and compiles the crates, which takes a minute."""
    cargo = run.tool("cargo", install="install Rust as https://rustup.rs says")
    rustc = run.tool("rustc", install="install Rust as https://rustup.rs says")
    _check_target(run, rustc)
    options, environment = _with_flags(run.folder, _renames(run))
    run.call([cargo, "build", "--release", "--target", TARGET, *options], environment=environment)
    return _component(run, cargo)


def write_stubs(run: BuildRun, target: Path) -> None:
    """Write nothing: rust-analyzer expands the macro."""


def _check_target(run: BuildRun, rustc: str) -> None:
    sysroot = run.ask([rustc, "--print", "sysroot"])
    if sysroot and not (Path(sysroot) / "lib" / "rustlib" / TARGET).is_dir():
        raise ToolMissing(f"Rust's target {TARGET} is not installed: rustup target add {TARGET}")


def _renames(run: BuildRun) -> list[str]:
    """Rename folders in the messages of panics, so that the same sources give the same bytes on every machine."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    crates = sorted((home / "registry" / "src").glob("*"))
    return [
        f"--remap-path-prefix={run.folder}=/{run.world}",
        *(f"--remap-path-prefix={at}=/crates" for at in crates),
    ]


def _with_flags(folder: Path, flags: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the options and the environment that add flags to the author's, whichever of his cargo takes.

    Cargo takes flags from the first place that has any: the environment's two variables, the tables of targets, the
    table ``build`` (The Cargo Book, Configuration, ``build.rustflags``). Ours have to be in the same one.
    """
    if (encoded := os.environ.get("CARGO_ENCODED_RUSTFLAGS")) is not None:
        own = encoded.split(_BETWEEN) if encoded else []
    elif (plain := os.environ.get("RUSTFLAGS")) is not None:
        own = plain.split()
    else:
        return ["--config", f"{_table(folder)}.rustflags={json.dumps(flags, ensure_ascii=False)}"], {}
    return [], {"CARGO_ENCODED_RUSTFLAGS": _BETWEEN.join([*own, *flags])}


def _table(folder: Path) -> str:
    """Return in which table of cargo's settings flags are added to those in the project's ``.cargo/config.toml``."""
    try:
        settings = tomllib.loads((folder / ".cargo" / "config.toml").read_text(encoding="utf-8"))
        in_targets = any("rustflags" in table for table in settings.get("target", {}).values())
        in_build = "rustflags" in settings.get("build", {})
    except (OSError, ValueError, AttributeError, TypeError):
        return f"target.{TARGET}"  # there is none, or cargo itself will say what is wrong with it
    return "build" if in_build and not in_targets else f"target.{TARGET}"


def _component(run: BuildRun, cargo: str) -> bytes:
    """Return what was built: where it lies, cargo knows, since workspaces and settings may move it."""
    told = run.ask([cargo, "metadata", "--format-version", "1", "--no-deps", "--offline"])
    if not told:
        raise BuildFailed("cargo metadata does not say where the component lies")
    metadata = json.loads(told)
    release = Path(metadata["target_directory"]) / TARGET / "release"
    names = [
        target["name"].replace("-", "_")
        for package in metadata["packages"]
        if Path(package["manifest_path"]).parent == run.folder
        for target in package["targets"]
        if "cdylib" in target["kind"]
    ]
    if len(names) != 1:
        raise BuildFailed('Cargo.toml needs one library of the kind that components are: [lib] crate-type = ["cdylib"]')
    return (release / f"{names[0]}.wasm").read_bytes()
