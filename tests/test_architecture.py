"""Tests of what the app promises about itself as code: public names, what importing does, how files are kept."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import wasm_plugins

APP = Path(wasm_plugins.__file__).parent
PUBLIC = {"HookResult", "HookResults", "PluginManager", "get_plugin_manager", "hook"}
MOST_LINES = 300
ONE_TREE = "exceptions.py"  # The tree of errors is read as one.

IMPORT = """
import sys
import wasm_plugins
print(*sorted(sys.modules))
"""

# A first connection, on whatever library, goes through one of the two that are replaced here.
SET_UP = """
import socket, threading
import django
from django.db.backends.base.base import BaseDatabaseWrapper

def refuse(*args, **kwargs):
    raise SystemExit("a connection was opened")

BaseDatabaseWrapper.connect = socket.socket.connect = refuse
django.setup()

from django.db import connections
from wasm_plugins.runtime import engine
from wasm_plugins.signatures import hook_signatures
hooks = ["order-check", "order-extras", "order-placed", "order-price"]
assert sorted(hook_signatures()) == hooks, "ready() found other hooks than the project's"
assert engine._runtime is None, "an engine was made"
assert all(each.connection is None for each in connections.all()), "a database was opened"
assert threading.enumerate() == [threading.main_thread()], "a thread was started"
"""


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(APP.rglob("*.py")):
        if path.parent.name != "migrations":
            yield str(path.relative_to(APP)), ast.parse(path.read_text())


def _run(program: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        cwd=APP.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_public_names_are_five() -> None:
    assert sorted(wasm_plugins.__all__) == sorted(PUBLIC)


def test_each_public_name_can_be_imported() -> None:
    for name in wasm_plugins.__all__:
        found = getattr(wasm_plugins, name)
        assert getattr(importlib.import_module(found.__module__), name) is found


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(wasm_plugins, "no_such_name")


def test_importing_the_package_imports_neither_django_nor_models_nor_the_engine() -> None:
    loaded = set(_run(IMPORT).split())
    assert "wasm_plugins" in loaded
    assert not {name for name in loaded if name.startswith("wasm_plugins.")}
    assert loaded.isdisjoint({"django", "wasmtime", "rq", "redis"})


def test_setting_django_up_opens_no_connection_and_makes_no_engine_and_no_thread(tmp_path: Path) -> None:
    _run(SET_UP, DJANGO_SETTINGS_MODULE="project.settings", SHOP_DATA=str(tmp_path), SHOP_DATABASE="")


def test_every_module_has_a_docstring() -> None:
    assert [name for name, tree in _modules() if not ast.get_docstring(tree)] == []


def test_every_public_class_and_function_has_a_docstring() -> None:
    silent = [
        f"{name}: {node.name}"
        for name, tree in _modules()
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
        and not any(isinstance(each, ast.Name) and each.id == "overload" for each in node.decorator_list)
    ]
    assert silent == []


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    lengths = {str(path.relative_to(APP)): len(path.read_text().splitlines()) for path in APP.rglob("*.py")}
    del lengths[ONE_TREE]
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}
