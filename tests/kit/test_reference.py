"""The page on the kit names every option and every key of the answers."""

from __future__ import annotations

import argparse
import re
from inspect import signature as inspect_signature
from pathlib import Path

import pytest

from tests.components import plugin_component
from tests.kit.plugins import greeter, kit, loaded
from wasm_plugins.kit import build, call, check, dev, inspect, new, pytest_plugin, test, upload
from wasm_plugins.kit.__main__ import main
from wasm_plugins.kit.fakes import recordings
from wasm_plugins.kit.fakes.recordings import read_recordings
from wasm_plugins.kit.plugin_call import PluginCall
from wasm_plugins.kit.plugin_host import PluginHost

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "kit.md").read_text()
COMMANDS = {
    **{"new": new, "build": build, "check": check, "call": call, "test": test, "inspect": inspect},
    **{"upload": upload, "dev": dev},
}


def _section(name: str) -> str:
    found = re.search(rf"^##+ {re.escape(name)}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, name
    return found[1]


def _options(parser: argparse.ArgumentParser) -> set[str]:
    found: set[str] = set()
    for action in parser._actions:
        found |= {option for option in action.option_strings if option.startswith("--")}
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                found |= _options(inner)
    return found - {"--help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented_and_no_other_is(name: str) -> None:
    parser = argparse.ArgumentParser()
    COMMANDS[name].add_parser(parser.add_subparsers())
    rows = [line for line in _section(f"`{name}`").splitlines() if line.startswith("| `--")]
    assert {re.findall(r"--[a-z0-9-]+", row)[0] for row in rows} == _options(parser)


@pytest.mark.parametrize("name", ["new", "check", "call", "inspect"])
def test_every_key_of_the_answer_is_documented(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    every: dict[str, list[object]] = {
        "new": ["new", "bonus", "--lang", "c"],
        "check": ["check", greeter(here)],
        "call": ["call", greeter(here), "task", "tidy-up"],
        "inspect": ["inspect", greeter(here)],
    }
    row = next(line for line in _section(f"`{name}`").splitlines() if line.startswith("| `--json`"))
    assert set(kit(capsys, *every[name])) <= set(re.findall(r"`([a-z_]+)`", row))


def test_a_packed_plugin_is_checked_like_a_built_one(here: Path) -> None:
    (here / "unpacked.wasm").write_bytes(plugin_component())
    (here / "plugin.toml").write_text('version = "2"')
    assert main(["pack", "unpacked.wasm", "plugin.toml", "packed.wasm"]) == 0
    assert main(["check", "packed.wasm"]) == 0


def _cells(text: str, head: str) -> list[str]:
    """Return the code in the first column of the table with a head."""
    table = text.partition(f"| {head} | meaning |\n")[2].partition("\n\n")[0]
    return [re.sub(r"\(.*", "", cell) for cell in re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)]


def test_the_fixture_is_documented_as_it_is() -> None:
    host = PluginHost(loaded(plugin_component()))
    names = {name for name in dir(host) if not name.startswith("_")}
    assert sorted(_cells(PAGE, "of `plugin_host`")) == sorted(names)
    written = re.findall(r"^\| `(\w+\([^`]*\))` \|", PAGE, re.MULTILINE)
    for each in written:
        name = each.partition("(")[0]
        told = [part.partition("=")[0].strip("* ") for part in re.split(r", ?(?![^(]*\))", each[len(name) + 1 : -1])]
        real = [parameter.name for parameter in inspect_signature(getattr(host, name)).parameters.values()]
        assert [part for part in told if part] == real, name


def test_what_a_call_tells_is_documented() -> None:
    names = [name for name in dir(PluginCall) if not name.startswith("_")]
    assert sorted(_cells(PAGE, "of a call")) == names


def test_the_recording_on_the_page_is_one_and_every_key_is_documented(here: Path) -> None:
    (example,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (here / "http.json").write_text(example)
    assert [each.times for each in read_recordings(here / "http.json")] == [1, None, None]
    keys = {f"{part}.{key}" for part in ("request", "response") for key in recordings._SHAPE[part]}
    assert set(_cells(_section("Recorded HTTP"), "key")) == keys | {"error", "times"}


def test_every_option_of_the_pytest_plugin_is_documented() -> None:
    source = Path(pytest_plugin.__file__).read_text()
    found = re.findall(r'(?:addoption|addini)\("([^"]+)"', source)
    assert len(found) == 2
    assert all(f"`{name}" in _section("The fixture `plugin_host`") for name in found)
