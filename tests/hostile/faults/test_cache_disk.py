"""A disk that does not take compiled code: plugins work without, slower, and half an artifact is never loaded."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runtime.components import COUNT, binary
from wasm_plugins.exceptions import CompileError
from wasm_plugins.runtime import compiled, compiler, sandbox
from wasm_plugins.runtime.compiled import CompiledCache
from wasm_plugins.runtime.compiler import digest_of
from wasm_plugins.runtime.limits import CompileLimits
from wasm_plugins.runtime.linker import LinkedComponent

DATA = binary(COUNT)
NUMBERS = [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES]


def _run(cache: CompiledCache) -> object:
    return sandbox.call(LinkedComponent(cache.load(digest_of(DATA), lambda: DATA), {}), "run")


def _failing(number: int) -> Callable[..., None]:
    def fail(*args: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", NUMBERS)
def test_if_09_a_disk_that_is_full_in_the_middle_of_a_write_costs_time_only(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = CompiledCache(tmp_path / "cache")

    def half(data: bytes, target: Path, *, limits: CompileLimits) -> None:
        compiler.compile_to(data, target, limits=limits)
        target.write_bytes(target.read_bytes()[:1_000])
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(compiled, "compile_to", half)
        assert _run(cache) == 1
        assert cache.problem
    assert not list(cache.folder.glob("*.cwasm"))
    assert not list(cache.folder.glob("*.draft"))
    assert _run(cache) == 1
    assert cache.problem == ""
    assert len(list(cache.folder.glob("*.cwasm"))) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_if_09_the_compilers_child_says_that_there_is_no_room(tmp_path: Path) -> None:
    """With a target that exists, which the child does not overwrite; any error of the file is the same to it."""
    target = tmp_path / "draft"
    target.write_bytes(b"")
    with pytest.raises(compiler.NoRoom):
        compiler.compile_to(DATA, target, limits=CompileLimits())


@pytest.mark.parametrize("step", ["replace", "write_bytes"])
@pytest.mark.parametrize("number", NUMBERS)
def test_if_09_a_disk_that_is_full_at_any_later_step_costs_time_only(
    step: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = CompiledCache(tmp_path / "cache")
    with monkeypatch.context() as patch:
        patch.setattr(Path, step, _failing(number))
        assert _run(cache) == 1
    assert not list(cache.folder.glob("*.draft"))
    assert _run(cache) == 1


def test_if_09_a_folder_without_a_place_for_it_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = CompiledCache(tmp_path / "file" / "cache")
    assert cache.problem
    assert _run(cache) == 1
    (tmp_path / "file").unlink()
    assert _run(cache) == 1
    assert len(list(cache.folder.glob("*.cwasm"))) == 1


def test_if_09_a_folder_that_vanishes_while_it_is_used_costs_time_only(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "cache")
    cache.folder.rename(tmp_path / "gone")
    assert _run(cache) == 1


@pytest.mark.parametrize("call", ["mkdir", "key", "lock"])
def test_if_09_a_folder_or_key_that_cannot_be_written_costs_time_only(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a read-only disk, for another user, or without free inodes; root may write anywhere, so it is raised."""
    folder = tmp_path / "cache"
    if call == "lock":
        CompiledCache(folder)
    target = {"mkdir": (Path, "mkdir"), "key": (compiled, "read_key"), "lock": (Path, "open")}[call]
    with monkeypatch.context() as patch:
        patch.setattr(*target, _failing(errno.EROFS))
        cache = CompiledCache(folder)
        assert _run(cache) == 1
        assert cache.problem
    assert _run(cache) == 1
    assert cache.problem == ""


def test_if_09_entries_are_used_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = CompiledCache(tmp_path / "cache")
    _run(cache)
    monkeypatch.setattr(compiled, "_compile", None, raising=False)
    monkeypatch.setattr(os, "utime", _failing(errno.EROFS))
    assert _run(CompiledCache(cache.folder)) == 1


def test_if_09_without_a_folder_the_limits_of_compiling_hold_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = CompiledCache(tmp_path / "file" / "cache", limits=CompileLimits(artifact_bytes=1_000))
    with pytest.raises(CompileError, match="artifact_bytes"):
        _run(cache)
