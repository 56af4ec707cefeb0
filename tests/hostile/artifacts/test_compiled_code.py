"""Hostile files in the folder of compiled code: what is not ours, or not as we wrote it, never runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runtime.components import COUNT, UNREACHABLE, binary
from wasm_plugins.exceptions import ArtifactError
from wasm_plugins.runtime import compiled, fingerprint, sandbox
from wasm_plugins.runtime.compiled import CompiledCache
from wasm_plugins.runtime.compiler import digest_of
from wasm_plugins.runtime.fingerprint import engine_fingerprint
from wasm_plugins.runtime.linker import LinkedComponent
from wasm_plugins.runtime.sealing import SEAL_BYTES, seal

ROOT = Path(__file__).resolve().parents[3]
DATA, OTHER = binary(COUNT), binary(UNREACHABLE)
EXIT_77 = bytes.fromhex("b8e7000000bf4d0000000f05")
"""Machine code for x86-64 Linux: ``exit_group(77)``. Where it runs, the process is gone."""

LOAD = """
import sys
from pathlib import Path
from tests.hostile.artifacts.test_compiled_code import run
print(run(Path(sys.argv[1])))
"""


def run(folder: Path, data: bytes = DATA) -> object:
    """Load a component through a cache, and call it."""
    component = CompiledCache(folder).load(digest_of(data), lambda: data)
    return sandbox.call(LinkedComponent(component, {}), "run")


def _entry(folder: Path, suffix: str, data: bytes = DATA) -> Path:
    (found,) = folder.glob(f"{digest_of(data)}-*.{suffix}")
    return found


def _seal_again(folder: Path, key: bytes) -> None:
    """Seal the code that lies there now, with the note that lies beside it."""
    code, sealed = _entry(folder, "cwasm"), _entry(folder, "seal")
    note = sealed.read_bytes()[SEAL_BYTES:]
    with code.open("rb") as opened:
        sealed.write_bytes(seal(key, opened.fileno(), code.stem, note) + note)


def _in_another_process(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LOAD, str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def _poisoned(code: bytes) -> bytes:
    """Write machine code over every place of an artifact that could be the beginning of a function."""
    changed = bytearray(code)
    prologue = bytes.fromhex("554889e5")
    at = changed.find(prologue)
    assert at > 0
    while at > 0:
        changed[at : at + len(EXIT_77)] = EXIT_77
        at = changed.find(prologue, at + len(EXIT_77))
    return bytes(changed)


def _flip(folder: Path) -> None:
    _entry(folder, "cwasm").write_bytes(_poisoned(_entry(folder, "cwasm").read_bytes()))


def _swap(folder: Path) -> None:
    CompiledCache(folder).load(digest_of(OTHER), lambda: OTHER)
    mine, theirs = _entry(folder, "cwasm"), _entry(folder, "cwasm", OTHER)
    mine.write_bytes(theirs.read_bytes())
    _entry(folder, "seal").write_bytes(_entry(folder, "seal", OTHER).read_bytes())


def _truncate(folder: Path) -> None:
    path = _entry(folder, "cwasm")
    path.write_bytes(path.read_bytes()[:-64])


def _link(folder: Path) -> None:
    path = _entry(folder, "cwasm")
    target = folder.parent / "evil.cwasm"
    target.write_bytes(_poisoned(path.read_bytes()))
    path.unlink()
    path.symlink_to(target)


def _with_another_key(folder: Path) -> None:
    path = _entry(folder, "cwasm")
    path.write_bytes(_poisoned(path.read_bytes()))
    _seal_again(folder, bytes(32))


def _lie_about_the_type(folder: Path) -> None:
    path = _entry(folder, "seal")
    sealed = path.read_bytes()
    assert b'"u32"' in sealed
    path.write_bytes(sealed.replace(b'"u32"', b'"string"'))


def _open_to_all(folder: Path) -> None:
    _flip(folder)
    _entry(folder, "cwasm").chmod(0o666)


@pytest.mark.parametrize(
    "attack", [_flip, _swap, _truncate, _link, _with_another_key, _lie_about_the_type, _open_to_all]
)
def test_s3_13_code_that_was_tampered_with_never_runs(attack: Callable[[Path], None], tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    run(folder)
    attack(folder)
    done = _in_another_process(folder)
    assert (done.returncode, done.stdout.strip()) == (0, "1"), done.stderr
    assert run(folder) == 1


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the machine code is x86-64's")
def test_s3_13_the_machine_code_of_these_tests_would_end_a_process(tmp_path: Path) -> None:
    """Else the test above would show nothing: with our own key, the same bytes do run."""
    folder = tmp_path / "cache"
    run(folder)
    _flip(folder)
    _seal_again(folder, (folder / "key").read_bytes())
    assert _in_another_process(folder).returncode == 77


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o701])
def test_s3_13_a_folder_that_others_can_reach_is_refused(mode: int, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    run(folder)
    folder.chmod(mode)
    with pytest.raises(ArtifactError):
        run(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("what", ["folder", "code"])
def test_s3_13_what_belongs_to_another_user_is_refused_or_compiled_again(what: str, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    run(folder)
    if what == "folder":
        os.chown(folder, 65_534, 65_534)
        with pytest.raises(ArtifactError):
            run(folder)
        return
    _flip(folder)
    os.chown(_entry(folder, "cwasm"), 65_534, 65_534)
    assert run(folder) == 1


@pytest.mark.parametrize("fact", ["wheel", "settings", "processor"])
def test_s3_14_code_of_another_engine_is_compiled_again_in_silence(
    fact: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cache"
    with monkeypatch.context() as patch:
        patch.setattr(fingerprint, "version" if fact == "wheel" else "_cpu_features", lambda *_: "another")
        if fact == "settings":
            patch.setattr(fingerprint, "CONFIG_REVISION", "another")
        foreign = fingerprint.engine_fingerprint.__wrapped__()
        patch.setattr(compiled, "engine_fingerprint", lambda: foreign)
        run(folder)
    assert foreign != engine_fingerprint()
    assert run(folder) == 1
    assert len(list(folder.glob("*.cwasm"))) == 2


def test_s3_14_code_that_another_engine_made_is_no_code_even_with_our_key(tmp_path: Path) -> None:
    """As after an upgrade that forgot the fingerprint: wasmtime's own check is the second wall."""
    folder = tmp_path / "cache"
    run(folder)
    path = _entry(folder, "cwasm")
    path.write_bytes(b"\x7fELF" + bytes(4_000))
    _seal_again(folder, (folder / "key").read_bytes())
    assert run(folder) == 1
