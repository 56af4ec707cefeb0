"""Which files of a project are sources, and when they change."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from wasm_plugins.kit.failures import ToolMissing

Stamp = tuple[int, int]

POLL_MS: Final = 1_000
"""How often to come back without a change, in milliseconds."""

DEBOUNCE_MS: Final = 300
"""Changes that follow one another this closely are one, in milliseconds: editors write a file in several steps."""

_MADE: Final = frozenset({"build", "target", "dist", "node_modules", "__pycache__", "wit_world", "bindings"})
"""Folders of what tools make."""

_PASSING: Final = ("~", ".swp", ".swx", ".tmp", ".pyc", ".orig")


def source_changes(folder: Path) -> Iterator[bool]:
    """Yield whether a source changed, about every second and at once after a change; until Ctrl-C.

    What changed since this was called counts, and what changes while the caller is at work is yielded when he comes
    back.

    Raises:
        ToolMissing: watchfiles is not installed.
    """
    try:
        from watchfiles import watch
    except ImportError:
        raise ToolMissing("watchfiles is not installed: pip install 'django-wasm-plugins[kit]'") from None
    changes = watch(
        folder,
        watch_filter=lambda change, path: is_source(folder, Path(path)),
        debounce=DEBOUNCE_MS * 5,
        step=DEBOUNCE_MS,
        rust_timeout=POLL_MS,
        yield_on_timeout=True,
    )
    return _since(_stamps(folder), folder, changes)


def _since(before: Mapping[Path, Stamp], folder: Path, changes: Iterable[Collection[object]]) -> Iterator[bool]:
    """Add to the first changes those from before anybody watched."""
    for number, found in enumerate(changes):
        yield bool(found) or (number == 0 and _stamps(folder) != before)


def _stamps(folder: Path) -> dict[Path, Stamp]:
    """Return when each source was written, and how long it is."""
    found = {}
    for top, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if is_source(folder, Path(top, name))]
        for path in (Path(top, name) for name in files):
            if is_source(folder, path):
                with suppress(OSError):
                    found[path] = (path.stat().st_mtime_ns, path.stat().st_size)
    return found


def is_source(folder: Path, path: Path) -> bool:
    """Tell whether a file is the author's own, and not made by a tool or an editor."""
    if not path.is_relative_to(folder):
        return False
    parts = path.relative_to(folder).parts
    is_hidden = any(part.startswith(".") for part in parts)
    return not (is_hidden or _MADE & set(parts) or path.name.endswith(_PASSING) or path.name.isdecimal())
