"""``wasm-plugins inspect``: what is in a file, also in one that a host would refuse."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.components import plugin_component
from tests.kit.plugins import TOML, greeter, kit
from tests.signed import ADA, public, signed
from wasm_plugins.kit.__main__ import main
from wasm_plugins.kit.pack import pack


def test_a_packed_plugin_says_what_it_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = here / "packed.wasm"
    path.write_bytes(pack(plugin_component(), TOML.encode()))
    found = kit(capsys, "inspect", path)
    assert found["size_bytes"] == path.stat().st_size > found["compressed_bytes"]
    assert found["digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found["metadata"] == {
        "version": "1.2.0",
        "description": "Greets.",
        "authors": "Ada",
        "homepage": "https://example.org/greeter",
        "licenses": "BSD-3-Clause",
    }
    assert {"plugin.toml", "version"} <= {each["name"] for each in found["custom_sections"]}
    assert found["sections"]["core module"]["sections"] >= 1
    assert found["manifest"]["title"] == "Greeter"
    assert (found["signature"], found["problem"]) == (None, None)


def test_exports_are_shown_with_their_types(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exports = kit(capsys, "inspect", greeter(here))["exports"]
    assert exports["tidy-up"] == "func(input: string) -> result<string, string>"
    assert exports["plugins-manager:common/plugin-common#get-manifest"].startswith("func() -> record { plugin-name")


def test_what_a_host_would_refuse_is_shown_with_the_reason(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = here / "plugin.wasm"
    path.write_bytes(plugin_component("Greeter"))
    found = kit(capsys, "inspect", path)
    assert (found["manifest"], found["problem"]["code"]) == (None, "manifest-error")
    assert "get-manifest" in str(found["exports"])


@pytest.mark.parametrize("is_broken", [False, True])
def test_a_signature_is_shown(is_broken: bool, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = here / "plugin.wasm"
    path.write_bytes(signed(plugin_component()) + (b"\0\1\0" if is_broken else b""))
    signature = kit(capsys, "inspect", path)["signature"]
    assert "problem" in signature if is_broken else signature["key"] == public(ADA)


def test_no_text_of_a_plugin_steers_the_terminal(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = here / "plugin.wasm"
    path.write_bytes(pack(plugin_component(), b'title = "\\u001b[2J"\ndescription = "\\u001b[2J\\u202e"'))
    assert main(["inspect", str(path)]) == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "\u202e" not in told


def test_what_is_no_component_is_an_error(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = here / "plugin.wasm"
    path.write_bytes(b"(component)")
    assert kit(capsys, "inspect", path, status=1)["error"]["code"] == "compile-error"
