"""Which toolchains this machine has, for tests that run the real ones."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from wasm_plugins.kit.languages.build_run import tool_path


def missing_tool(language: str) -> str | None:
    """Name what is not installed of what a language's projects need, or ``None``."""
    for tool in {"python": ["componentize-py"], "rust": ["cargo", "rustc"], "js": ["node", "npm"], "c": ["clang"]}[
        language
    ]:
        if shutil.which(tool, path=tool_path()) is None:
            return tool
    if language == "rust" and not _in_sysroot("lib/rustlib/wasm32-wasip2"):
        return "Rust's target wasm32-wasip2"
    if language == "c" and shutil.which("wasm-ld") is None:
        return "wasm-ld"
    if language == "c" and not (
        shutil.which("wasm-component-ld") or _in_sysroot("lib/rustlib/*/bin/wasm-component-ld")
    ):
        return "wasm-component-ld"
    return None


def _in_sysroot(pattern: str) -> bool:
    rustc = shutil.which("rustc")
    if rustc is None:
        return False
    told = subprocess.run([rustc, "--print", "sysroot"], capture_output=True, text=True, check=False)
    return any(Path(told.stdout.strip()).glob(pattern))
