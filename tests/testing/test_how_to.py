"""Runs the code of ``docs/how-to/test.md``: its tests are collected here as they stand on the page."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any

from project import shop
from project.shop import models, plugin_hooks

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "test.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _blocks() -> list[str]:
    """Return the page's blocks, each at its own lines, so that a traceback points at the page."""
    text = PAGE.read_text()
    return ["\n" * text.count("\n", 0, found.start(1)) + found[1] for found in BLOCK.finditer(text)]


def _run(block: str, name: str) -> dict[str, Any]:
    module = types.ModuleType(name)
    exec(compile(block, str(PAGE), "exec"), module.__dict__)  # noqa: S102 - our own page
    sys.modules[name] = module
    return vars(module)


def _collected() -> dict[str, Any]:
    """Run the first block as the project's module, and of the others keep what pytest looks for."""
    project, *tests = _blocks()
    known = {"shop": shop, "shop.models": models, "shop.plugin_hooks": plugin_hooks}
    sys.modules.update(known)
    try:
        _run(project, "shop.orders")
        found: dict[str, Any] = {}
        for at, block in enumerate(tests):
            names = _run(block, f"shop.page_{at}")
            found |= {
                name: each for name, each in names.items() if getattr(each, "__module__", "") == names["__name__"]
            }
        return found
    finally:
        for name in [name for name in sys.modules if name == "shop" or name.startswith("shop.")]:
            del sys.modules[name]


COLLECTED = _collected()
globals().update(COLLECTED)


def test_the_page_has_tests_of_each_kind() -> None:
    assert {"PlaceOrderTests", "slow_plugin", "test_routes_and_tasks", "test_the_greeter_answers"} <= COLLECTED.keys()
