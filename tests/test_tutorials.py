"""The tutorials and the how-tos that go on with them, followed word for word from ``pip install`` on."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.kit.toolchains import missing_tool
from tests.pages import DOCS, ROOT
from tests.walkthrough import Walkthrough
from wasm_plugins.kit.languages import LANGUAGES

pytestmark = pytest.mark.slow

TUTORIAL = DOCS / "tutorial"
PROMISED_SECONDS = 300
"""From ``pip install`` to a hook of the example shop that is answered by one's own plugin in Python."""


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
    first_hook.run(f"cd '{shop}'; unset SHOP_DATA")
    return first_hook


def test_a_plugin_in_python_is_written_in_time_upgraded_rolled_back_and_debugged(walk: Walkthrough) -> None:
    walk.follow(TUTORIAL / "first-plugin-python.md")
    assert _seconds_of_a_machine_of_ones_own(walk, "first-hook", "first-plugin-python") < PROMISED_SECONDS
    walk.follow(DOCS / "how-to" / "upgrade.md")
    walk.follow(DOCS / "how-to" / "debug-a-trap.md")


@pytest.mark.parametrize(("language", "page"), [("rust", "rust"), ("js", "javascript"), ("c", "c")])
def test_a_plugin_in_another_language_is_written(language: str, page: str, walk: Walkthrough) -> None:
    if (tool := missing_tool(language)) is not None:
        pytest.skip(f"{tool} is not installed; a plugin in {page} needs {LANGUAGES[language].NEEDS}")
    walk.follow(TUTORIAL / f"first-plugin-{page}.md")


def _seconds_of_a_machine_of_ones_own(walk: Walkthrough, *pages: str) -> float:
    """Return how long pages took; on a machine where many others wait for a processor, only what they worked."""
    is_shared = os.getloadavg()[0] > 2 * (os.cpu_count() or 1)
    seconds = walk.processor_seconds if is_shared else walk.seconds
    return sum(seconds[page] for page in pages)


def test_there_is_a_tutorial_for_every_language_of_the_kit() -> None:
    pages = {path.stem.removeprefix("first-plugin-") for path in TUTORIAL.glob("first-plugin-*.md")}
    assert pages == {module.TITLE.lower() for module in LANGUAGES.values()}
