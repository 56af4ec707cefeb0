"""The flags that Rust is built with: ours beside the author's, in any folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.kit.toolchains import missing_tool
from wasm_plugins.kit.failures import BuildFailed
from wasm_plugins.kit.languages import rust
from wasm_plugins.kit.languages.build_run import BuildRun

_SOURCE = """
#[no_mangle]
pub extern "C" fn answer() -> i32 { 42 }

#[cfg(not(mine))]
compile_error!("the author's flag is missing");
"""

_MANIFEST = """
[package]
name = "bonus"
version = "0.1.0"
edition = "2021"

[lib]
crate-type = ["cdylib"]

[profile.release]
debug = 1

[lints.rust]
unexpected_cfgs = "allow"
"""

_TARGET = '[target.wasm32-wasip2]\nrustflags = ["--cfg", "mine"]\n'


def _run(folder: Path, config: str = "") -> BuildRun:
    if (tool := missing_tool("rust")) is not None:
        pytest.skip(f"{tool} is not installed")
    folder.mkdir()
    for name, text in {"Cargo.toml": _MANIFEST, "src/lib.rs": _SOURCE, ".cargo/config.toml": config}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return BuildRun(folder=folder, world="bonus", scratch=folder.parent, is_quiet=True)


@pytest.fixture(autouse=True)
def no_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    """Build as on a machine where nobody has set any."""
    for name in [name for name in os.environ if name.endswith("RUSTFLAGS")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("config", "name", "flags"),
    [
        (_TARGET, None, ""),
        (_TARGET.replace("target.wasm32-wasip2", "build"), None, ""),
        ('[build]\nrustflags = "--cap-lints=warn"\n' + _TARGET, None, ""),
        ("", "RUSTFLAGS", " --cfg  mine "),
        ("", "CARGO_ENCODED_RUSTFLAGS", "--cfg\x1fmine"),
        ("", "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", "--cfg mine"),
    ],
)
def test_the_authors_flags_are_kept_in_a_folder_with_a_blank(
    config: str, name: str | None, flags: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name is not None:
        monkeypatch.setenv(name, flags)
    run = _run(tmp_path / "a b", config)
    component = rust.build(run)
    assert str(tmp_path).encode() not in component
    assert b"\0/bonus" in component, "where it was compiled is in what is told to debuggers"


def test_flags_of_the_environment_replace_those_of_the_project_as_they_do_for_cargo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUSTFLAGS", "--cfg other")
    with pytest.raises(BuildFailed, match="the author's flag is missing"):
        rust.build(_run(tmp_path / "a b", _TARGET))
