"""The style sheet of the plugin pages: every rule of it is one by itself, so that none is lost inside another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import wasm_plugins

SHEET: Final = Path(wasm_plugins.__file__).parent / "static" / "wasm_plugins" / "admin.css"


def test_no_rule_stands_inside_another_and_every_rule_ends() -> None:
    text = re.sub(r"/\*.*?\*/", "", SHEET.read_text(), flags=re.DOTALL)
    inside_media = re.sub(r"@[^{]*\{((?:[^{}]*\{[^{}]*\})*[^{}]*)\}", r"\1", text)
    assert re.sub(r"[^{}]+\{[^{}]*\}", "", inside_media).strip() == ""


def test_a_table_that_scrolls_can_be_scrolled_with_the_keyboard() -> None:
    templates = (SHEET.parents[2] / "templates").rglob("*.html")
    tables = [tag for path in templates for tag in re.findall(r"<[a-z]+ [^>]*\bplugin-table\b[^>]*>", path.read_text())]
    assert tables
    assert [tag for tag in tables if 'tabindex="0"' not in tag or "aria-label" not in tag] == []
