"""The cache of compiled code: compiled once, loaded in milliseconds, and never loaded when anything is odd."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wasm_plugins.exceptions import ArtifactError, CompileError
from wasm_plugins.runtime import compiled, compiler, fingerprint, sandbox
from wasm_plugins.runtime.compiled import CompiledCache
from wasm_plugins.runtime.compiler import digest_of
from wasm_plugins.runtime.linker import LinkedComponent

from .components import COUNT, GROW, binary

ROOT = Path(__file__).resolve().parents[2]
DATA = binary(COUNT)
DIGEST = digest_of(DATA)
OTHER = binary(GROW)
LOAD = """
import sys
from pathlib import Path
from tests.runtime.components import COUNT, binary
from wasm_plugins.runtime import compiled
data = binary(COUNT)
real = compiled.compile_to
def counting(*args, **kwargs):
    print("compiled")
    real(*args, **kwargs)
compiled.compile_to = counting
compiled.CompiledCache(Path(sys.argv[1])).load(compiled.digest_of(data), lambda: data)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name the folder of a cache that does not exist yet."""
    return tmp_path / "cache"


@pytest.fixture
def compiles(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Collect what is really compiled."""
    seen: list[Path] = []

    def compile_to(data: bytes, target: Path, *, limits: object) -> None:
        seen.append(target)
        compiler.compile_to(data, target, limits=limits)  # type: ignore[arg-type]

    monkeypatch.setattr(compiled, "compile_to", compile_to)
    return seen


def _load(folder: Path, data: bytes = DATA) -> LinkedComponent:
    return LinkedComponent(CompiledCache(folder).load(digest_of(data), lambda: data), {})


def _entry(folder: Path, suffix: str, digest: str = DIGEST) -> Path:
    (found,) = folder.glob(f"{digest}-*.{suffix}")
    return found


def test_a_component_is_compiled_once(folder: Path, compiles: list[Path]) -> None:
    assert sandbox.call(_load(folder), "run") == 1
    assert sandbox.call(_load(folder), "run") == 1
    assert len(compiles) == 1


def test_a_hit_reads_no_bytes(folder: Path) -> None:
    _load(folder)

    def read() -> bytes:
        raise AssertionError

    found = CompiledCache(folder).load(DIGEST, read)
    assert sandbox.call(LinkedComponent(found, {}), "run") == 1


def test_bytes_of_another_digest_are_refused(folder: Path, compiles: list[Path]) -> None:
    with pytest.raises(ArtifactError):
        CompiledCache(folder).load(DIGEST, lambda: OTHER)
    assert compiles == []


def test_bytes_that_do_not_compile_leave_nothing_behind(folder: Path) -> None:
    bad = DATA[:-3]
    with pytest.raises(CompileError):
        CompiledCache(folder).load(digest_of(bad), lambda: bad)
    assert {path.suffix for path in folder.iterdir()} <= {"", ".lock"}


def _flip(folder: Path) -> None:
    path = _entry(folder, "cwasm")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _truncate(folder: Path) -> None:
    path = _entry(folder, "cwasm")
    path.write_bytes(path.read_bytes()[:-100])


def _empty(folder: Path) -> None:
    _entry(folder, "cwasm").write_bytes(b"")


def _swap(folder: Path) -> None:
    for suffix in ("cwasm", "seal"):
        _entry(folder, suffix).write_bytes(_entry(folder, suffix, digest_of(OTHER)).read_bytes())


def _link(folder: Path) -> None:
    path = _entry(folder, "cwasm")
    path.rename(folder / "elsewhere")
    path.symlink_to(folder / "elsewhere")


def _forget_seal(folder: Path) -> None:
    _entry(folder, "seal").unlink()


def _shorten_seal(folder: Path) -> None:
    _entry(folder, "seal").write_bytes(_entry(folder, "seal").read_bytes()[:8])


def _change_type(folder: Path) -> None:
    path = _entry(folder, "seal")
    path.write_bytes(path.read_bytes().replace(b'"u32"', b'"u64"'))


def _open_to_all(folder: Path) -> None:
    _entry(folder, "cwasm").chmod(0o666)


@pytest.mark.parametrize(
    "damage",
    [_flip, _truncate, _empty, _swap, _link, _forget_seal, _shorten_seal, _change_type, _open_to_all],
    ids=lambda each: each.__name__.strip("_"),
)
def test_an_entry_that_is_not_as_it_was_written_is_compiled_again(
    damage: Callable[[Path], None], folder: Path, compiles: list[Path]
) -> None:
    _load(folder)
    _load(folder, OTHER)
    damage(folder)
    assert sandbox.call(_load(folder), "run") == 1
    assert len(compiles) == 3
    assert sandbox.call(_load(folder), "run") == 1
    assert len(compiles) == 3


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o705, 0o720])
def test_a_folder_that_others_can_reach_is_refused(mode: int, folder: Path) -> None:
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(ArtifactError):
        CompiledCache(folder)


def test_a_link_to_a_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "real")
    with pytest.raises(ArtifactError):
        CompiledCache(folder)


def test_a_folder_of_another_user_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    CompiledCache(folder)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ArtifactError):
        CompiledCache(folder)


@pytest.mark.parametrize("key", [b"", b"short", bytes(33)])
def test_a_damaged_key_is_refused(key: bytes, folder: Path) -> None:
    CompiledCache(folder)
    (folder / "key").write_bytes(key)
    with pytest.raises(ArtifactError):
        CompiledCache(folder)


def test_a_key_that_others_can_read_is_refused(folder: Path) -> None:
    CompiledCache(folder)
    (folder / "key").chmod(0o644)
    with pytest.raises(ArtifactError):
        CompiledCache(folder)


def test_another_key_makes_every_entry_a_miss(folder: Path, compiles: list[Path]) -> None:
    _load(folder)
    (folder / "key").write_bytes(bytes(32))
    _load(folder)
    assert len(compiles) == 2


def test_another_fingerprint_is_a_miss(folder: Path, compiles: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    _load(folder)
    monkeypatch.setattr(compiled, "engine_fingerprint", lambda: "another")
    _load(folder)
    assert len(compiles) == 2


@pytest.mark.parametrize("fact", ["version", "_cpu_features"])
def test_the_fingerprint_changes_with_each_fact(fact: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint.engine_fingerprint()
    monkeypatch.setattr(fingerprint, fact, lambda *_: "another")
    assert fingerprint.engine_fingerprint.__wrapped__() != before


def test_a_processor_without_a_list_of_features_has_a_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "_CPU_INFO", Path("/proc/none"))
    assert isinstance(fingerprint._cpu_features(), str)


def test_processes_that_want_the_same_component_compile_it_once(folder: Path) -> None:
    command = [sys.executable, "-c", LOAD, str(folder)]
    children = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [child.communicate(timeout=60)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    assert sorted(said) == ["", "", "compiled\n"]


def test_code_and_key_can_be_read_by_nobody_else(folder: Path) -> None:
    _load(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert _entry(folder, "cwasm").stat().st_mode & 0o077 == 0
    assert (folder / "key").stat().st_mode & 0o077 == 0
