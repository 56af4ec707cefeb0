"""Plugins of a few hundred bytes as files, and the command line as a function that answers what it printed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from wasmtime import component as wc

from tests.components import echo, err, json_handler, log, ok, plugin_component, route, spin, text_hook, trap
from tests.pages import blocks
from wasm_plugins.kit.__main__ import main
from wasm_plugins.kit.loaded_plugin import LoadedPlugin, prepare
from wasm_plugins.kit.plugin_file import PluginFile
from wasm_plugins.runtime.compiler import digest_of
from wasm_plugins.runtime.component import Component
from wasm_plugins.runtime.engine import get_runtime

TOML = """
version = "1.2.0"
title = "Greeter"
description = "Greets."
author = "Ada"
homepage = "https://example.org/greeter"
license = "BSD-3-Clause"
"""


def greeter(folder: Path, *, toml: str = TOML, **more: Any) -> Path:
    """Write a plugin that answers, refuses, crashes and spins, and return where it is."""
    path = folder / "greeter.wasm"
    data = plugin_component(
        "greeter",
        hooks={
            "order-placed": text_hook(ok("thank you", first=[log("one order")])),
            "order-refused": text_hook(err("no")),
            "order-trapped": text_hook(trap()),
            "order-spun": text_hook(spin()),
        },
        routes=[route("/greeter/echo", json_handler(echo()))],
        tasks={"tidy-up": json_handler(ok('{"done": true}'))},
        toml=toml,
        **more,
    )
    path.write_bytes(data)
    return path


def loaded(data: bytes) -> LoadedPlugin:
    """Return a plugin that is ready for calls, compiled in this process, which takes a tenth of the time."""
    component = Component(wc.Component(get_runtime().engine, data))
    return prepare(PluginFile(path=Path("plugin.wasm"), data=data, digest=digest_of(data), component=component))


def kit(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 0) -> Mapping[str, Any]:
    """Run the command line with ``--json``, expect an exit status, and return the document."""
    capsys.readouterr()
    command, *rest = map(str, arguments)
    assert main([command, *_with_json(rest)]) == status
    document: Mapping[str, Any] = json.loads(capsys.readouterr().out)
    return document


def file_blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the tests that a page has authors write: the name of each file, and its text."""
    for language, text in blocks(page):
        if language == "python" and (named := re.match(r"# tests/(\w+\.py)\n", text)):
            yield named[1], text


def _with_json(arguments: list[str]) -> list[str]:
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return [*arguments[:at], "--json", *arguments[at:]]
