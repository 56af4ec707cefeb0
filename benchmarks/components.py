"""Builds the echo plugin in three sizes, and keeps what was built."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wasmtime import wat2wasm

ROOT: Final = Path(__file__).resolve().parent.parent
GUESTS: Final = Path(__file__).resolve().parent / "guests"
KEPT: Final = ROOT / "var" / "benchmarks"
"""What takes long to make is made once: components, compiled code, npm packages. Remove it to start over."""

EXPORT: Final = "echo"


class Missing(Exception):
    """A part of the measurement cannot be done here; the text says why."""


@dataclass(frozen=True, slots=True)
class Guest:
    """One echo plugin, ``echo: func(text: string) -> result<string, string>``."""

    name: str
    data: bytes
    imports: tuple[str, ...] = ()


def small() -> Guest:
    """Assemble the one that is written by hand."""
    return Guest("small", bytes(wat2wasm((GUESTS / "echo.wat").read_text())))


def quickjs() -> Guest:
    """Build the one in JavaScript, with QuickJS inside.

    Raises:
        Missing: There is no npm, or its build failed.
    """
    return Guest("quickjs", _kept("quickjs", ("echo.wit", "echo.js", "package.json"), _build_quickjs))


def python() -> Guest:
    """Build the one in Python, with CPython inside.

    Raises:
        Missing: componentize-py is not installed, or its build failed.
    """
    return Guest("python", _kept("python", ("echo.wit", "echo_app.py"), _build_python))


def extism_module() -> bytes:
    """Assemble the same job for Extism, a core module."""
    return bytes(wat2wasm((GUESTS / "echo_extism.wat").read_text()))


def _kept(name: str, sources: Sequence[str], build: Callable[[Path, Path], None]) -> bytes:
    state = hashlib.sha256(b"\0".join((GUESTS / source).read_bytes() for source in sources)).hexdigest()[:12]
    target = KEPT / f"echo-{name}-{state}.wasm"
    if not target.exists():
        folder = KEPT / f"build-{name}"
        shutil.copytree(GUESTS, folder, dirs_exist_ok=True)
        shutil.copytree(ROOT / "wit" / "plugins-manager-common", folder / "wit" / "deps" / "common", dirs_exist_ok=True)
        shutil.copy(GUESTS / "echo.wit", folder / "wit")
        draft = folder / "draft.wasm"
        build(folder, draft)
        draft.replace(target)
    return target.read_bytes()


def _build_quickjs(folder: Path, target: Path) -> None:
    _run(["npm", "install", "--no-audit", "--no-fund"], folder)
    jco = folder / "node_modules" / ".bin" / "jco"
    without_wasi = ["--backend", "quickjs", "--backend-qjs-stub-wasi", "--backend-qjs-disable-async"]
    _run([str(jco), "componentize", "echo.js", "--wit", "wit", "-n", "echo", *without_wasi, "-o", str(target)], folder)
    shutil.rmtree(folder / "node_modules")  # 340 MB that nobody needs again


def _build_python(folder: Path, target: Path) -> None:
    world = ["-d", "wit", "-w", "echo"]
    _run(["componentize-py", *world, "componentize", "echo_app", "-p", ".", "-o", str(target)], folder)


def _run(command: Sequence[str], folder: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    if shutil.which(command[0], path=path) is None:
        raise Missing(f"{Path(command[0]).name} is not installed")
    done = subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    if done.returncode != 0:
        shown = (done.stdout + done.stderr).strip()[-400:]
        raise Missing(f"{Path(command[0]).name} ended with status {done.returncode}: {shown}")
