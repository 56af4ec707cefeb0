"""The tutorials and the how-tos that go on with them, followed word for word from ``pip install`` on."""

from __future__ import annotations

import shutil

import pytest

from tests.pages import DOCS, ROOT
from tests.walkthrough import Walkthrough, missing_programs

pytestmark = pytest.mark.slow

TUTORIAL = DOCS / "tutorial"


@pytest.fixture(scope="module")
def first_hook(tmp_path_factory: pytest.TempPathFactory) -> Walkthrough:
    """The shop as the first tutorial leaves it."""
    walk = Walkthrough(tmp_path_factory.mktemp("tutorial"), ROOT)
    walk.follow(TUTORIAL / "first-hook.md")
    shutil.copytree(walk.folder / "bookshop", walk.folder / "as-first-hook-left-it")
    return walk


@pytest.fixture
def walk(first_hook: Walkthrough) -> Walkthrough:
    """The same, whatever another test did to it."""
    shop = first_hook.folder / "bookshop"
    shutil.rmtree(shop)
    shutil.copytree(first_hook.folder / "as-first-hook-left-it", shop)
    first_hook.run(f"cd '{shop}'")
    return first_hook


def test_a_plugin_in_python_is_written_upgraded_rolled_back_and_debugged(walk: Walkthrough) -> None:
    walk.follow(TUTORIAL / "first-plugin-python.md")
    walk.follow(DOCS / "how-to" / "upgrade.md")
    walk.follow(DOCS / "how-to" / "debug-a-trap.md")


def test_a_plugin_in_rust_is_written(walk: Walkthrough) -> None:
    if missing := missing_programs("cargo", "rustup"):
        pytest.skip(f"not installed: {', '.join(missing)}")
    walk.follow(TUTORIAL / "first-plugin-rust.md")
