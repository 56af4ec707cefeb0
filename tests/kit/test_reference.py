"""The page on the kit names every option and every key of the answers."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from tests.components import plugin_component
from tests.kit.plugins import greeter, kit
from wasm_plugins.kit import build, call, check, dev, inspect, new, upload
from wasm_plugins.kit.__main__ import main

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "kit.md").read_text()
COMMANDS = {"new": new, "build": build, "check": check, "call": call, "inspect": inspect, "upload": upload, "dev": dev}


def _section(name: str) -> str:
    found = re.search(rf"^## `{name}`$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
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
    rows = [line for line in _section(name).splitlines() if line.startswith("| `--")]
    assert {re.findall(r"--[a-z0-9-]+", row)[0] for row in rows} == _options(parser)


@pytest.mark.parametrize("name", ["new", "check", "call", "inspect"])
def test_every_key_of_the_answer_is_documented(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    every: dict[str, list[object]] = {
        "new": ["new", "bonus", "--lang", "c"],
        "check": ["check", greeter(here)],
        "call": ["call", greeter(here), "task", "tidy-up"],
        "inspect": ["inspect", greeter(here)],
    }
    row = next(line for line in _section(name).splitlines() if line.startswith("| `--json`"))
    assert set(kit(capsys, *every[name])) <= set(re.findall(r"`([a-z_]+)`", row))


def test_a_packed_plugin_is_checked_like_a_built_one(here: Path) -> None:
    (here / "unpacked.wasm").write_bytes(plugin_component())
    (here / "plugin.toml").write_text('version = "2"')
    assert main(["pack", "unpacked.wasm", "plugin.toml", "packed.wasm"]) == 0
    assert main(["check", "packed.wasm"]) == 0
