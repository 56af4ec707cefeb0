"""``wasm-plugins check``: the host's own refusals, and advice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.components import (
    err,
    http_handler,
    json_handler,
    number_hook,
    ok,
    ok_number,
    ok_response,
    plugin_component,
    route,
    sql,
    text_hook,
)
from tests.kit.plugins import TOML, greeter, kit
from tests.signed import signed
from wasm_plugins.capabilities import CAPABILITIES
from wasm_plugins.kit.__main__ import main
from wasm_plugins.kit.capability_words import WORDS
from wasm_plugins.runtime.compiler import PREAMBLE


def _file(folder: Path, data: bytes) -> Path:
    path = folder / "plugin.wasm"
    path.write_bytes(data)
    return path


def test_a_plugin_that_a_host_takes_is_told_what_it_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = kit(capsys, "check", greeter(here))
    assert (found["plugin"], found["version"]) == ("greeter", "1.2.0")
    assert found["hooks"]["order-placed"] == "func(order-id: s64, note: string) -> result<string, string>"
    assert found["routes"]["/greeter/echo"]["access"] == "authenticated"
    assert list(found["tasks"]) == ["tidy-up"]
    assert found["capabilities"] == {}
    assert found["free_imports"] == {"write to its log": ["wasi:logging/logging"]}
    assert (found["findings"], found["advice"]) == ([], [])


def test_the_same_for_people(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(greeter(here))]) == 0
    told = capsys.readouterr().out
    assert "greeter 1.2.0" in told
    assert "asks for nothing that needs a grant" in told
    assert "hook order-placed" in told


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "compile-error"),
        (b"\0asm\1\0\0\0", "compile-error"),
        (plugin_component()[:-3], "compile-error"),
        (plugin_component("Greeter"), "manifest-error"),
        (plugin_component("admin"), "manifest-error"),
        (plugin_component(toml="version = "), "manifest-error"),
        (plugin_component(toml='wersion = "1"'), "manifest-error"),
        (plugin_component(toml='[capabilities.database.tables]\nt = ["drop"]'), "manifest-error"),
        (plugin_component(toml='[capabilities.http]\nhosts = ["example.com"]'), "manifest-error"),
        (plugin_component(manifest_interface=None), "link-error"),
        (plugin_component(tasks={"tidy-up": text_hook(ok("{}"))}), "link-error"),
        (plugin_component(head='(import "wasi:gpu/gpu" (instance (export "draw" (func))))'), "link-error"),
    ],
)
def test_what_a_host_refuses_is_refused_with_the_hosts_code(
    data: bytes, code: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kit(capsys, "check", _file(here, data), status=1)["error"]["code"] == code


def test_a_signature_that_does_not_hold_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = signed(plugin_component())
    assert kit(capsys, "check", _file(here, whole))["plugin"] == "greeter"
    assert kit(capsys, "check", _file(here, whole + b"\0\1\0"), status=1)["error"]["code"] == "refused"


def test_a_file_that_is_not_there_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert kit(capsys, "check", "nowhere.wasm", status=1)["error"]["message"].startswith("nowhere.wasm: ")


@pytest.mark.parametrize(
    ("data", "about"),
    [
        (plugin_component(toml=TOML + '[capabilities.http]\nhosts = ["https://example.com"]'), "capabilities.http"),
        (plugin_component(toml=TOML + "[capabilities.html]"), "capabilities.html"),
        (
            plugin_component(toml=TOML + "[capabilities.html]", hooks={"a": number_hook(ok_number(7))}),
            "capabilities.html",
        ),
        (plugin_component(toml=TOML, hooks={"a": text_hook(ok("", first=[sql("SELECT 1")]))}), "capabilities.database"),
        (plugin_component(toml=TOML, exports={"lonely": json_handler(err("no"))}), "export lonely"),
        (plugin_component(toml='version = "1"'), "plugin.toml"),
    ],
)
def test_advice_says_what_could_be_better(
    data: bytes, about: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (advice,) = kit(capsys, "check", _file(here, data))["advice"]
    assert advice.startswith(f"{about}: ")


def test_what_is_used_is_not_advised_against(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toml = TOML + '[capabilities.html]\n[capabilities.database.tables]\nshop_order = ["select"]'
    data = plugin_component(
        toml=toml,
        hooks={"a": text_hook(ok("", first=[sql("SELECT 1")]))},
        routes=[route("/greeter/page", http_handler(ok_response(200, "hello")))],
    )
    found = kit(capsys, "check", _file(here, data))
    assert found["advice"] == []
    assert found["capabilities"]["database"]["scope"] == {"tables": {"shop_order": ["select"]}}
    assert list(found["capabilities"]) == ["database", "html"]


def test_html_is_not_advised_against_where_a_hook_may_answer_a_fragment(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = plugin_component(toml=TOML + "[capabilities.html]", hooks={"a": text_hook(ok("<b>hello</b>"))})
    assert kit(capsys, "check", _file(here, data))["advice"] == []


def test_a_file_that_is_larger_than_any_component_is_not_read_whole(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (here / "plugin.wasm").open("wb") as file:
        file.write(PREAMBLE)
        file.truncate(2**40)  # a sparse file: it takes no room on the disk
    error = kit(capsys, "check", here / "plugin.wasm", status=1)["error"]
    assert error["code"] == "compile-error"
    assert "component_bytes" in error["message"]


def test_every_capability_has_words() -> None:
    assert sorted(WORDS) == sorted(CAPABILITIES)
