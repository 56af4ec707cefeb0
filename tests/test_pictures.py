"""The pictures of the README and of the documentation: made by a command, shown by a page, and small."""

from __future__ import annotations

import re
import struct
from typing import Final

from tests.pages import DOCS, PAGES
from tests.screenshots import AFTER, BEFORE, IMAGES, WIDTH

MOST_BYTES: Final = 120_000
_SHOWN: Final = re.compile(r"!\[[^]]+\]\(([^)\s]+)\)")


def test_every_picture_is_made_by_the_command_and_none_is_missing() -> None:
    assert sorted(path.name for path in IMAGES.iterdir()) == sorted(f"{name}.png" for name in [*BEFORE, *AFTER])


def test_every_picture_is_shown_by_a_page_with_words_for_those_who_cannot_see_it() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES for link in _SHOWN.findall(page.read_text())}
    assert shown == set(IMAGES.iterdir())
    assert IMAGES.parent == DOCS


def test_every_picture_is_as_wide_as_the_others_and_small() -> None:
    for path in IMAGES.glob("*.png"):
        (width,) = struct.unpack(">I", path.read_bytes()[16:20])  # PNG, 11.2.2 IHDR
        assert (width, path.stat().st_size <= MOST_BYTES) == (WIDTH, True), path.name
