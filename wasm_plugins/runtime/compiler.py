"""Compiles bytes that nobody trusts, in a child process with bounds on time, processor and memory.

A component of 14 kB can take a compiler 87 seconds, one of half a megabyte 26 GB: so neither a web process nor a worker
ever compiles. The child is a fresh interpreter, not a fork, and gets the bytes through a pipe.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from ..exceptions import ArtifactError, CompileError, PluginError
from .limits import CompileLimits

PREAMBLE: Final = b"\x00asm\x0d\x00\x01\x00"
"""The first eight bytes of every component (component model binary format, version 13, layer 1)."""

_CORE_PREAMBLE: Final = b"\x00asm\x01\x00\x00\x00"
_REASON_CHARS: Final = 600
_GAVE_UP: Final = "memory allocation of"
"""What Rust's allocator says before it aborts."""

REFUSED: Final = 3  # not 1, with which Python ends by itself after an exception
OUT_OF_MEMORY: Final = 4
TOO_LARGE: Final = 5
NO_ROOM: Final = 6
"""How the child ends when it can still say so; a signal ends it otherwise."""


class NoRoom(OSError):
    """The folder does not take compiled code: the disk is full or read-only, or the right to write is missing."""


def check_preamble(data: bytes) -> None:
    """Refuse what is no binary component, before any compiler sees it.

    wasmtime would take WebAssembly text as well, so the bytes alone must decide.

    Raises:
        CompileError: With what the bytes look like instead.
    """
    if data.startswith(PREAMBLE):
        return
    if not data:
        raise CompileError("the file is empty; a component begins with 00 61 73 6d 0d 00 01 00")
    if data.startswith(_CORE_PREAMBLE):
        raise CompileError(
            "this is a core WebAssembly module, not a component: build for wasm32-wasip2 or wrap it with wasm-tools"
        )
    if data[:64].lstrip().startswith((b"(component", b"(module")):
        raise CompileError("this is WebAssembly text; upload the binary component that a build makes of it")
    raise CompileError(f"no WebAssembly component: it begins with {data[:8].hex(' ')}, not with {PREAMBLE.hex(' ')}")


def compile_to(data: bytes, target: Path, *, limits: CompileLimits) -> None:
    """Compile a component into a file; blocks until the child is done, at most ``limits.wall_s`` seconds.

    Raises:
        CompileError: The bytes are refused, or the child went over a limit.
        NoRoom: The file cannot be written.
        ArtifactError: The child could not do its work, whatever the bytes: a broken installation.
    """
    _compile(data, str(target), limits)


def compile_here(data: bytes, *, limits: CompileLimits) -> bytes:
    """Compile a component and return the code, which is native code and must not leave this process; blocks as well.

    Raises:
        CompileError: The bytes are refused, or the child went over a limit.
        ArtifactError: The child could not do its work.
    """
    return _compile(data, "", limits)


def _compile(data: bytes, target: str, limits: CompileLimits) -> bytes:
    """Run the child; it writes the code to the target, or to its standard output where there is none."""
    check_preamble(data)
    if len(data) > limits.component_bytes:
        raise CompileError(f"{len(data)} bytes; the limit component_bytes is {limits.component_bytes}")
    order = json.dumps({"path": sys.path, "target": target, "limits": _as_dict(limits)})
    environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    try:
        child = subprocess.run(  # noqa: S603 - our own interpreter on our own file
            [sys.executable, "-I", str(Path(__file__).with_name("compiler_child.py")), order],
            input=data,
            capture_output=True,
            timeout=limits.wall_s,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CompileError(f"compiling took longer than the limit wall_s of {limits.wall_s} seconds") from None
    if child.returncode == NO_ROOM:
        raise NoRoom(child.stdout.decode(errors="replace").strip()[:_REASON_CHARS])
    if child.returncode != 0:
        raise _failure(child, limits)
    return child.stdout


def _as_dict(limits: CompileLimits) -> dict[str, int]:
    return {name: getattr(limits, name) for name in ("artifact_bytes", "cpu_s", "memory_bytes")}


def _failure(child: subprocess.CompletedProcess[bytes], limits: CompileLimits) -> PluginError:
    """Say why the child failed: in its own words where it could speak, by the signal that ended it otherwise."""
    said = child.stdout.decode(errors="replace").strip()[:_REASON_CHARS]
    complaint = child.stderr.decode(errors="replace").strip()[-_REASON_CHARS:]
    match child.returncode:
        case status if status == REFUSED:
            return CompileError(f"the compiler refuses it: {said}")
        case status if status == TOO_LARGE or status == -signal.SIGXFSZ:
            return CompileError(f"its code is larger than the limit artifact_bytes of {limits.artifact_bytes}")
        case status if status in (-signal.SIGXCPU, -signal.SIGKILL):
            return CompileError(f"compiling used more than the limit cpu_s of {limits.cpu_s} seconds")
        case status if status == OUT_OF_MEMORY or (status == -signal.SIGABRT and _GAVE_UP in complaint):
            return CompileError(f"compiling used more than the limit memory_bytes of {limits.memory_bytes}")
        case status if status < 0:
            return CompileError(f"the compiler crashed on it with signal {-status}: {complaint}")
    return ArtifactError(f"the compiler could not work; it ended with status {child.returncode}: {complaint}")


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
