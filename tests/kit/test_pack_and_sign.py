"""``wasm-plugins``: what its command line makes, and how it names the file that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.components import plugin_component
from tests.signed import ADA, public, signed
from wasm_plugins.kit.__main__ import main
from wasm_plugins.runtime.signing import check_public_key, read_signature


@pytest.mark.parametrize(
    ("component", "declaration", "wrong"),
    [
        (plugin_component(), b"version = ", "plugin.toml"),
        (plugin_component(), b"\xff", "plugin.toml"),
        (b"no component", b"", "plugin.wasm"),
        (None, b"", "plugin.wasm"),
        (plugin_component(), None, "plugin.toml"),
    ],
)
def test_pack_names_the_file_that_is_wrong(
    component: bytes | None,
    declaration: bytes | None,
    wrong: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = [tmp_path / "plugin.wasm", tmp_path / "plugin.toml", tmp_path / "packed.wasm"]
    for path, data in zip(paths, (component, declaration), strict=False):
        if data is not None:
            path.write_bytes(data)
    assert main(["pack", *map(str, paths)]) == 1
    assert f"{tmp_path / wrong}: " in capsys.readouterr().err
    assert not paths[2].exists()


def test_pack_writes_a_plugin(tmp_path: Path) -> None:
    paths = [tmp_path / "plugin.wasm", tmp_path / "plugin.toml", tmp_path / "packed.wasm"]
    paths[0].write_bytes(plugin_component())
    paths[1].write_text('version = "1"')
    assert main(["pack", *map(str, paths)]) == 0
    assert paths[2].stat().st_size > paths[0].stat().st_size


def _keygen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, str]:
    key = tmp_path / "author.pem"
    assert main(["keygen", str(key)]) == 0
    return key, capsys.readouterr().out.strip()


def test_keygen_writes_a_key_that_nobody_else_reads_and_never_overwrites_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, printed = _keygen(tmp_path, capsys)
    before = key.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    assert check_public_key(printed) == printed
    assert main(["keygen", str(key)]) == 1
    assert key.read_bytes() == before


def test_sign_and_verify_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, printed = _keygen(tmp_path, capsys)
    plugin = tmp_path / "greeter.wasm"
    plugin.write_bytes(plugin_component(toml='version = "1.2"\n[capabilities.database.tables]\nt = ["select"]\n'))
    assert main(["sign", str(plugin), "--key", str(key), "--number", "7"]) == 0
    found = read_signature(plugin.read_bytes())
    assert found is not None
    assert (found.statement.name, found.statement.version, found.statement.number) == ("greeter", "1.2", 7)
    assert found.statement.capabilities == {"database": {"tables": {"t": ["select"]}}}
    capsys.readouterr()
    assert main(["verify", str(plugin), "--key", "00" * 32, printed]) == 0
    assert json.loads(capsys.readouterr().out)["number"] == 7
    assert main(["verify", str(plugin), "--key", "00" * 32]) == 1


@pytest.mark.parametrize("damage", ["unsigned", "changed", "followed"])
def test_verify_refuses_what_is_not_signed_as_it_is(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "greeter.wasm"
    data = plugin_component()
    whole = signed(data)
    plugin.write_bytes(
        {"unsigned": data, "changed": data[:-1] + b"\xff" + whole[len(data) :], "followed": whole + b"\0\1\0"}[damage]
    )
    assert main(["verify", str(plugin), "--key", public(ADA)]) == 1


@pytest.mark.parametrize("wrong", ["key", "name", "component", "twice"])
def test_sign_refuses_what_cannot_be_signed(wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, _ = _keygen(tmp_path, capsys)
    plugin = tmp_path / ("Greeter!.wasm" if wrong == "name" else "greeter.wasm")
    data = plugin_component()
    plugin.write_bytes({"component": data[:-3], "twice": signed(data)}.get(wrong, data))
    if wrong == "key":
        key.write_text("no key")
    before = plugin.read_bytes()
    assert main(["sign", str(plugin), "--key", str(key)]) == 1
    assert plugin.read_bytes() == before


def test_advisories_says_what_applies(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["advisories", "--json", "--allow-accepted"]) == 0
    assert json.loads(capsys.readouterr().out)["core"]
