"""A seal holds for one key, one name, one note and one file's bytes, and for nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wasm_plugins.runtime.sealing import SEAL_BYTES, is_sealed, read_key, seal

KEY = bytes(range(32))
CODE = os.urandom(600_000)  # more than two blocks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write a file to seal."""
    path = tmp_path / "code"
    path.write_bytes(CODE)
    return path


def _seal(path: Path, name: str = "name", note: bytes = b"note", key: bytes = KEY) -> bytes:
    with path.open("rb") as opened:
        return seal(key, opened.fileno(), name, note)


def _is_sealed(path: Path, given: bytes, name: str = "name", note: bytes = b"note", key: bytes = KEY) -> bool:
    with path.open("rb") as opened:
        return is_sealed(key, given, opened.fileno(), name, note)


def test_a_seal_holds_for_what_it_was_made_of(path: Path) -> None:
    given = _seal(path)
    assert len(given) == SEAL_BYTES
    assert _is_sealed(path, given)


def test_an_empty_file_can_be_sealed(path: Path) -> None:
    path.write_bytes(b"")
    assert _is_sealed(path, _seal(path))


def test_no_two_seals_have_the_same_nonce(path: Path) -> None:
    assert len({_seal(path)[:12] for _ in range(20)}) == 20


def test_a_seal_is_the_tag_of_nist_sp_800_38d_over_nothing_but_associated_data(path: Path) -> None:
    """Computed by another interface of the library, over lengths, name, note and bytes in one piece."""
    given = _seal(path)
    data = (4).to_bytes(8, "little") + (4).to_bytes(8, "little") + b"name" + b"note" + CODE
    assert AESGCM(KEY).encrypt(given[:12], b"", data) == given[12:]


@pytest.mark.parametrize(
    ("name", "note"), [("other", b"note"), ("name", b"other"), ("namen", b"ote"), ("nam", b"enote")]
)
def test_a_seal_holds_for_no_other_name_or_note(name: str, note: bytes, path: Path) -> None:
    assert not _is_sealed(path, _seal(path), name, note)


def test_a_seal_holds_for_no_other_key(path: Path) -> None:
    assert not _is_sealed(path, _seal(path), key=bytes(32))


@pytest.mark.parametrize("at", [0, 300_000, 599_999])
def test_a_seal_holds_for_no_other_bytes(at: int, path: Path) -> None:
    given = _seal(path)
    changed = bytearray(CODE)
    changed[at] ^= 1
    path.write_bytes(changed)
    assert not _is_sealed(path, given)


@pytest.mark.parametrize("at", range(SEAL_BYTES))
def test_a_seal_that_was_changed_holds_for_nothing(at: int, path: Path) -> None:
    path.write_bytes(b"short")
    given = bytearray(_seal(path))
    given[at] ^= 1
    assert not _is_sealed(path, bytes(given))


@pytest.mark.parametrize("size_bytes", [0, 12, 16, SEAL_BYTES - 1, SEAL_BYTES + 1])
def test_a_seal_of_another_length_holds_for_nothing(size_bytes: int, path: Path) -> None:
    assert not _is_sealed(path, (_seal(path) + bytes(1))[:size_bytes])


def test_two_that_make_a_key_at_once_have_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_key(tmp_path / "key")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", lambda self: False)  # as the second one saw it, a moment before
        assert read_key(tmp_path / "key") == first
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
