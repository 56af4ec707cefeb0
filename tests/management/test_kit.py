"""``wasm-plugins``: what its command line makes, and how it names the file that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.components import plugin_component
from wasm_plugins.kit.__main__ import main


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
