"""Tests of what pages of the documentation say that no table in the reference holds: navigation, commands, settings."""

from __future__ import annotations

import argparse
import configparser
import importlib
import json
import pkgutil
import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management.base import CommandParser
from django.dispatch import Signal
from django.test import override_settings
from gunicorn.config import Config
from pytest_django import Settings

import wasm_plugins
from project.stack.s3 import S3Plan
from tests.components import plugin_component
from tests.pages import DOCS, PAGES, ROOT, blocks
from wasm_plugins import urls
from wasm_plugins.capabilities import CAPABILITIES
from wasm_plugins.kit import __main__ as kit
from wasm_plugins.management.plugins import SUBCOMMANDS
from wasm_plugins.management.plugins.checkup_parts import check_storage
from wasm_plugins.storage import bucket
from wasm_plugins.sync import sync, take_upload

OUTSIDE = "repository/"
COMMAND = re.compile(r"(?:^|[\s`/])(?:manage\.py )?plugins ([a-z-]+)((?: +[^\s`|#;<>&]+)*)", re.MULTILINE)
KIT_COMMAND = re.compile(r"(?:^|[\s`])wasm-plugins ([a-z]+)((?: +[^\s`|#;<>&]+)*)", re.MULTILINE)


def code_of(page: Path) -> str:
    """Return all that a page writes as code, one piece a line."""
    text = page.read_text()
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    scripts = [text for language, text in blocks(page) if language in ("sh", "ini")]
    return "\n".join([*inline, *(re.sub(r"(?:^|\s)#.*$", "", text, flags=re.MULTILINE) for text in scripts)])


def kit_commands() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command of the kit."""
    for action in kit._parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise AssertionError("the kit has no commands")


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """Return the options of a command and of what it has subcommands for."""
    below = [action.choices.values() for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return set(parser._option_string_actions).union(*(options_of(each) for parsers in below for each in parsers))


def options_in(words: str) -> set[str]:
    return {word.partition("=")[0] for word in words.split() if word.startswith("--")}


# Navigation


def nav() -> list[str]:
    """Return the paths in the site's navigation."""
    text = (ROOT / "mkdocs.yml").read_text()
    return re.findall(r"^ +- [^\n:]+: (\S+\.md)$", text.partition("\nnav:\n")[2], re.MULTILINE)


def test_every_page_is_in_the_navigation_once_and_no_other_is() -> None:
    own = sorted(path for path in nav() if not path.startswith(OUTSIDE))
    assert own == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))
    outside = [path.removeprefix(OUTSIDE) for path in nav() if path.startswith(OUTSIDE)]
    assert len(set(outside)) == len(outside)
    assert all((ROOT / path).is_file() for path in outside)


def test_the_navigation_is_in_the_order_of_the_table_of_contents() -> None:
    links = re.findall(r"\]\(([^)\s]+\.md)\)", (DOCS / "README.md").read_text())
    listed = [str((DOCS / link).resolve().relative_to(ROOT)) for link in links]
    shown = [path.removeprefix(OUTSIDE) if path.startswith(OUTSIDE) else f"docs/{path}" for path in nav()[1:]]
    assert shown == listed


def test_the_readme_and_the_site_promise_the_same() -> None:
    """A host shows the README alone and the site has it not, so both carry the text."""
    section = re.search(
        r"^## Is this safe\?\n\n(.+?)\n\n## ", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert section is not None
    page = (DOCS / "explanation" / "is-this-safe.md").read_text().removeprefix("# Is this safe?\n\n")
    assert page.strip() == section[1].replace("](THREAT_MODEL.md)", "](../../THREAT_MODEL.md)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_lists_and_tables_begin_after_a_blank_line(page: Path) -> None:
    """Code hosts do not need it, the site's Markdown does."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    lines = ["", *text.splitlines()]
    items = r"- |\d+\. "
    glued = [
        line
        for before, line in pairwise(lines)
        if before.strip()
        and line.strip()
        and (
            (re.match(items, line) and not re.match(f"{items}|  ", before))
            or line.startswith("|") != before.startswith("|")
            or line.startswith("#")
            or before.startswith("#")
        )
    ]
    assert glued == []


# Commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_speaks_of_no_command_and_no_option_that_do_not_exist(page: Path) -> None:
    for name, words in COMMAND.findall(code_of(page)):
        assert name in SUBCOMMANDS, f"plugins {name}"
        parser = CommandParser(prog=name, add_help=False)
        SUBCOMMANDS[name].add_arguments(parser)
        assert options_in(words) <= {*parser._option_string_actions, "--json", "--help"}, f"plugins {name}{words}"
    known = kit_commands()
    for name, words in KIT_COMMAND.findall(code_of(page)):
        assert name in known, f"wasm-plugins {name}"
        assert options_in(words) <= options_of(known[name]), f"wasm-plugins {name}{words}"


# Signals and addresses


def test_every_signal_is_documented_and_no_other_is() -> None:
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(wasm_plugins.__path__, "wasm_plugins.")
        if not found.name.endswith(("__main__", "compiler_child"))
    ]
    signals = {
        name
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Signal) and not name.startswith("_") and module.__name__.startswith("wasm_plugins")
    }
    documented = re.findall(r"^### `([a-z_]+)`$", (DOCS / "reference" / "signals.md").read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(signals)


def test_every_address_is_documented_with_its_name_and_no_other_is() -> None:
    text = (DOCS / "reference" / "http.md").read_text().partition("## Addresses")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `")]
    documented = {
        address: name
        for row in rows
        for address, name in zip(*(re.findall(r"`([^`]+)`", cell) for cell in row), strict=True)
    }
    assert documented == {str(each.pattern): each.name for each in urls.urlpatterns}


def test_an_admin_is_told_what_every_capability_means() -> None:
    text = (DOCS / "how-to" / "enable-with-confidence.md").read_text()
    table = text.partition("| capability |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"^\| `([a-z]+)` \|", table, re.MULTILINE)) == sorted(CAPABILITIES)


# Settings, rights and units


def settings_on(page: str) -> dict[str, Any]:
    """Return the settings of the first Python block of a how-to."""
    (text, *_) = [text for language, text in blocks(DOCS / "how-to" / f"{page}.md") if language == "python"]
    found: dict[str, Any] = {}
    exec(text, found)  # noqa: S102 - our own page
    return {name: value for name, value in found.items() if name.isupper()}


@pytest.mark.parametrize("page", ["s3", "workers"])
def test_the_settings_on_a_page_pass_the_checks(page: str) -> None:
    with override_settings(**settings_on(page)):
        assert [found for found in run_checks() if (found.id or "").startswith("wasm_plugins")] == []


@pytest.mark.django_db
def test_a_project_with_the_settings_on_the_page_keeps_plugins_in_its_bucket(
    s3_storage: S3Plan, settings: Settings
) -> None:
    storages = settings_on("s3")["STORAGES"]
    storages["plugins"]["OPTIONS"] |= s3_storage.storage_options(s3_storage.bucket)
    settings.STORAGES = storages
    take_upload(plugin_component("kept", hooks={}))
    assert [finding.message for finding in check_storage() if finding.is_good] == ["1 object under plugins/"]
    assert sync().found == 1


def test_the_rights_on_a_bucket_are_those_that_are_used() -> None:
    (policy,) = [json.loads(text) for language, text in blocks(DOCS / "how-to" / "s3.md") if language == "json"]
    granted = re.findall(r"s3:\w+", json.dumps([each["Action"] for each in policy["Statement"]]))
    of_request = {
        "list_objects_v2": "s3:ListBucket",
        "get_object": "s3:GetObject",
        "head_object": "s3:GetObject",
        "put_object": "s3:PutObject",
        "delete_object": "s3:DeleteObject",
    }
    source = Path(bucket.__file__).read_text()
    requests = {*re.findall(r"_client\.(\w+_object)\(", source), *re.findall(r'get_paginator\("(\w+)"\)', source)}
    callers = "".join(path.read_text() for path in Path(wasm_plugins.__file__).parent.glob("*.py"))
    if "storage.remove_upload" not in callers:
        requests.discard("delete_object")
    assert set(granted) == {of_request[name] for name in requests}


def test_the_units_start_what_there_is() -> None:
    units = {}
    for language, text in blocks(DOCS / "how-to" / "workers.md"):
        if language == "ini":
            unit = configparser.ConfigParser(interpolation=None, comment_prefixes=("#",))
            unit.optionxform = str  # type: ignore[method-assign,assignment]
            unit.read_string(text)
            units[text.partition("\n")[0].rpartition("/")[2]] = shlex.split(unit["Service"]["ExecStart"])
    assert sorted(units) == ["shop-scheduler.service", "shop-web.service", "shop-worker@.service"]
    web = Config().parser().parse_args(units["shop-web.service"][1:])
    assert (web.worker_class, web.args) == ("gthread", ["project.wsgi"])
