"""The folder of compiled code stays within its quota, and no process is harmed by what goes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.compiled import CompiledCache
from wasm_plugins.runtime.compiler import digest_of
from wasm_plugins.runtime.linker import LinkedComponent
from wasm_plugins.runtime.pruning import DRAFT_S, FOREIGN_S, prune

from .components import COUNT, UNREACHABLE, binary

OURS = "f" * 16


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give an empty folder."""
    return tmp_path


def _entry(folder: Path, name: str, *, age_s: float = 0, size_bytes: int = 100, fingerprint: str = OURS) -> str:
    stem = f"{name}-{fingerprint}"
    for suffix in ("cwasm", "seal", "lock"):
        (folder / f"{stem}.{suffix}").write_bytes(bytes(size_bytes) if suffix == "cwasm" else b"")
    at = time.time() - age_s
    os.utime(folder / f"{stem}.cwasm", (at, at))
    return stem


def _names(folder: Path) -> set[str]:
    return {path.stem.partition("-")[0] for path in folder.iterdir()}


def test_nothing_goes_within_the_quota(folder: Path) -> None:
    for name in ("a", "b"):
        _entry(folder, name, age_s=10 * FOREIGN_S)
    assert prune(folder, quota_bytes=200, fingerprint=OURS) == 0
    assert _names(folder) == {"a", "b"}


def test_what_was_used_least_recently_goes_first_with_all_that_belongs_to_it(folder: Path) -> None:
    for name, age_s in (("old", 30), ("older", 40), ("new", 10)):
        _entry(folder, name, age_s=age_s)
    assert prune(folder, quota_bytes=150, fingerprint=OURS) == 200
    assert _names(folder) == {"new"}


def test_what_was_written_just_now_stays_whatever_its_size(folder: Path) -> None:
    keep = _entry(folder, "huge", age_s=50, size_bytes=1_000)
    _entry(folder, "small")
    prune(folder, quota_bytes=10, fingerprint=OURS, keep=keep)
    assert _names(folder) == {"huge"}


def test_entries_of_another_engine_go_when_nobody_used_them_for_a_week(folder: Path) -> None:
    _entry(folder, "recent", fingerprint="0" * 16, age_s=FOREIGN_S - 60)
    _entry(folder, "abandoned", fingerprint="0" * 16, age_s=FOREIGN_S + 60)
    prune(folder, quota_bytes=10_000, fingerprint=OURS)
    assert _names(folder) == {"recent"}


def test_drafts_that_nobody_finishes_go(folder: Path) -> None:
    for name, age_s in (("fresh.draft", 0), ("left.draft", DRAFT_S + 60)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age_s,) * 2)
    prune(folder, quota_bytes=0, fingerprint=OURS)
    assert [path.name for path in folder.iterdir()] == ["fresh.draft"]


def test_the_key_stays(folder: Path) -> None:
    cache = CompiledCache(folder / "cache", quota_bytes=1)
    for wat in (COUNT, UNREACHABLE):
        data = binary(wat)
        cache.load(digest_of(data), lambda data=data: data)  # type: ignore[misc]
    assert (cache.folder / "key").exists()
    assert len(list(cache.folder.glob("*.cwasm"))) == 1


def test_code_that_is_loaded_runs_on_when_its_entry_goes(folder: Path) -> None:
    cache = CompiledCache(folder / "cache")
    data = binary(COUNT)
    loaded = LinkedComponent(cache.load(digest_of(data), lambda: data), {})
    for path in cache.folder.glob("*.cwasm"):
        path.unlink()
    assert sandbox.call(loaded, "run") == 1


def test_using_an_entry_makes_it_recent(folder: Path) -> None:
    cache = CompiledCache(folder / "cache")
    data = binary(COUNT)
    cache.load(digest_of(data), lambda: data)
    (entry,) = cache.folder.glob("*.cwasm")
    os.utime(entry, (1, 1))
    cache.load(digest_of(data), lambda: data)
    assert entry.stat().st_mtime > time.time() - 60
