"""What the command line prints: one JSON document for programs, or text for people that steers no terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from wasm_plugins.runtime.log import printable


def show(data: Mapping[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Print an answer on standard output, as data or as text."""
    print(json.dumps(data, indent=2) if as_json else "\n".join(printable(line) for line in lines))


def show_error(code: str, message: str, *, as_json: bool, **more: Any) -> None:
    """Print an error: as data on standard output, where a program reads it, or as text on standard error."""
    if as_json:
        print(json.dumps({"error": {"code": code, "message": message, **more}}, indent=2))
    else:
        sys.stderr.write("".join(f"{printable(line)}\n" for line in f"wasm-plugins: {message}".split("\n")))


def tell(message: str) -> None:
    """Say on standard error what is going on, before something that takes seconds."""
    sys.stderr.write(f"{printable(message)}\n")
    sys.stderr.flush()


def columns(rows: Iterable[tuple[str, str]], *, indent: int = 2) -> list[str]:
    """Return rows of two cells, the second ones in line with each other."""
    kept = list(rows)
    width = max((len(left) for left, _ in kept), default=0)
    return [f"{' ' * indent}{left.ljust(width)}  {right}".rstrip() for left, right in kept]


def memory_text(memory_bytes: int) -> str:
    """Return an amount of memory, which is counted in powers of two."""
    kib = memory_bytes / 1024
    return f"{kib:g} KiB" if kib < 1024 else f"{kib / 1024:g} MiB"


def size_text(size_bytes: int) -> str:
    """Return a size as people read it, with the exact number where it is small."""
    if size_bytes < 10_000:
        return f"{size_bytes:,} bytes"
    return f"{size_bytes / 1_000:,.0f} kB" if size_bytes < 1_000_000 else f"{size_bytes / 1_000_000:.1f} MB"
