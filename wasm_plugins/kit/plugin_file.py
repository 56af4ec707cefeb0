"""A plugin's file, read and compiled: what every command that looks into one begins with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wasm_plugins.exceptions import CompileError
from wasm_plugins.kit.output import size_text, tell
from wasm_plugins.runtime.compiled import CompiledCache
from wasm_plugins.runtime.compiler import PREAMBLE, check_preamble, digest_of
from wasm_plugins.runtime.component import Component
from wasm_plugins.runtime.limits import CompileLimits

LIMITS: Final = CompileLimits(wall_s=300)
"""What compiling may spend: what the host gives it, but for the wall clock, by which a busy machine blames a plugin."""

_WORTH_TELLING_BYTES: Final = 500_000
"""Smaller components are compiled before anybody has read that they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginFile:
    """A component that the engine accepts; whether the host would is for ``check`` to say."""

    path: Path
    data: bytes
    digest: str
    """SHA-256, 64 hexadecimal digits."""

    component: Component


def open_plugin(path: Path) -> PluginFile:
    """Read a component and compile it, in a child process and with the bounds that the host has.

    Blocks for seconds the first time that this machine sees these bytes. The code is kept where the host keeps it, so
    that an upload on the same machine is quick.

    Raises:
        OSError: The file cannot be read.
        CompileError: It is no component, is larger than any may be, or compiling went over a limit.
        ArtifactError: The folder of compiled code is not this user's alone.
    """
    data = _read(path)
    digest = digest_of(data)

    def read() -> bytes:
        if len(data) >= _WORTH_TELLING_BYTES:
            tell(f"compiling {path} ({size_text(len(data))}), once for these bytes …")
        return data

    component = CompiledCache(cache_folder(), limits=LIMITS).load(digest, read)
    return PluginFile(path=path, data=data, digest=digest, component=component)


def _read(path: Path) -> bytes:
    """Read a component; of what is larger than any, or is none, no more than it takes to see that."""
    with path.open("rb") as file:
        data = file.read(len(PREAMBLE))
        check_preamble(data)
        data += file.read(LIMITS.component_bytes + 1 - len(data))
    if len(data) > LIMITS.component_bytes:
        limit = f"{LIMITS.component_bytes} ({size_text(LIMITS.component_bytes)})"
        raise CompileError(f"{path} is larger than a component may be; the limit component_bytes is {limit}")
    return data


def cache_folder() -> Path:
    """Return where compiled code is kept: where a project without a setting for it keeps it (XDG Base Directory)."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "wasm-plugins"
