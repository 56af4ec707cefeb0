"""Tests of the documentation: it names all that there is and nothing else, and its links and code hold."""

from __future__ import annotations

import argparse
import ast
import configparser
import inspect
import json
import re
import subprocess
import sys
import tomllib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management.base import CommandParser
from pglast.parser import parse_sql

from tests.pages import FENCE, PAGES, ROOT
from wasm_plugins import (
    answer_headers,
    answers,
    checks,
    conf,
    dispatch,
    exceptions,
    exchange,
    manifest,
    manifest_reader,
    plugin_toml,
    signatures,
)
from wasm_plugins.capabilities import CAPABILITIES
from wasm_plugins.host import host_interfaces
from wasm_plugins.kit import __main__ as kit
from wasm_plugins.kit import token
from wasm_plugins.management.plugins import SUBCOMMANDS
from wasm_plugins.models import Plugin, TaskRun
from wasm_plugins.results import HookResult
from wasm_plugins.routes import STATUS_OF, status_of
from wasm_plugins.runtime import contract, wit
from wasm_plugins.runtime.log import CallLog
from wasm_plugins.runtime.wasi import http_fields, keyvalue
from wasm_plugins.tasks import describe_run, outcome

LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
FUNCTION = re.compile(r"([a-z][a-z-]*): (func\([^;`]*)")


def reference(name: str) -> str:
    """Return a page of the reference."""
    return (ROOT / "docs" / "reference" / f"{name}.md").read_text()


def section(text: str, heading: str) -> str:
    """Return what stands under a heading, with its subheadings."""
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(rf"^{re.escape(heading)}$(.*?)(?=^#{{1,{level}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def rows(text: str) -> list[list[str]]:
    """Return the cells of all tables, without heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rules = [at for at, line in enumerate(lines) if set(line) <= set("|- ")]
    return [row for at, row in enumerate(cells) if at not in rules and at + 1 not in rules]


def codes(text: str) -> list[str]:
    """Return what stands between backticks, each on one line."""
    return [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", text)]


def first_codes(text: str) -> list[str]:
    """Return what stands between backticks in the first column of tables."""
    return [code for row in rows(text) for code in codes(row[0])]


def error_classes() -> list[type[exceptions.PluginError]]:
    """Return every class of the error tree."""
    found = [each for each in vars(exceptions).values() if inspect.isclass(each)]
    return [each for each in found if issubclass(each, exceptions.PluginError)]


# Settings, errors, checks


def test_every_setting_is_documented_with_its_default_and_no_other_is() -> None:
    table = [row for row in rows(reference("settings")) if "`WASM_PLUGINS_" in row[0]]
    documented = {codes(row[0])[0]: ast.literal_eval(codes(row[1])[0]) for row in table}
    assert documented == {conf.PREFIX + name: getattr(conf.Settings, name) for name in conf.setting_names()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_speaks_of_no_setting_that_does_not_exist(page: Path) -> None:
    known = {token.VARIABLE, *(conf.PREFIX + name for name in conf.setting_names())}
    assert set(re.findall(r"WASM_PLUGINS_[A-Z][A-Z_]*", page.read_text())) <= known


def test_every_error_is_documented_with_its_code_and_status_and_no_other_is() -> None:
    table = [row for row in rows(reference("errors")) if len(row) == 5]
    documented = {codes(row[0])[0]: (codes(row[1])[0], int(row[2])) for row in table}
    assert documented == {each.__name__: (each.code, status_of(each.__new__(each))) for each in error_classes()}


def test_every_code_of_a_run_is_documented() -> None:
    own = {outcome.HOST_ERROR, outcome.INTERRUPTED, outcome.RUN_LOST, outcome.NOT_STARTED, outcome.CANCELLED}
    assert set(first_codes(section(reference("errors"), "## Codes of runs"))) == own


def test_the_errors_that_are_tried_again_are_named() -> None:
    told = codes(section(reference("errors"), "## Codes of runs").rsplit("|", 1)[-1])
    assert {code for code in told if "-" in code} == {each.code for each in outcome._MAY_PASS}


def _source_of_checks() -> str:
    return "".join(path.read_text() for path in sorted(Path(checks.__file__).parent.glob("*checks.py")))


def test_every_system_check_is_documented_and_no_other_is() -> None:
    ids = re.findall(r'id="(wasm_plugins\.[A-Z]\d{3})"', _source_of_checks())
    assert sorted(first_codes(reference("checks"))) == sorted(set(ids))


# Commands


def test_every_subcommand_is_documented_and_no_other_is() -> None:
    headings = re.findall(r"^### `([a-z-]+)`$", section(reference("commands"), "## `manage.py plugins`"), re.MULTILINE)
    assert headings == list(SUBCOMMANDS)


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_option_of_a_subcommand_is_documented_and_no_other_is(name: str) -> None:
    parser = CommandParser(prog=name, add_help=False)
    SUBCOMMANDS[name].add_arguments(parser)
    options = {option for action in parser._actions for option in action.option_strings}
    assert set(re.findall(r"--[a-z][a-z-]*", section(reference("commands"), f"### `{name}`"))) == options


def test_every_command_of_the_kit_is_documented_and_no_other_is() -> None:
    choices = [
        set(action.choices or ()) for action in kit._parser()._actions if isinstance(action, argparse._SubParsersAction)
    ]
    documented = {code.split()[1] for code in first_codes(section(reference("commands"), "## `wasm-plugins`"))}
    assert [documented] == choices


def test_every_make_target_is_documented_and_no_other_is() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    documented = first_codes(section(reference("commands"), "## `make`"))
    assert documented == [f"make {target}" for target in phony[1].split()]


# Hooks


def test_every_option_of_a_hook_is_documented_with_its_default() -> None:
    table = [row for row in rows(section(reference("hooks"), "## Options")) if len(row) == 3]
    documented = {codes(row[0])[0]: ast.literal_eval(codes(row[1])[0]) for row in table if row[1].startswith("`")}
    assert documented == {each.name: each.default for each in fields(dispatch.HookOptions)}


def test_every_mode_and_every_way_with_errors_is_documented_and_no_other_is() -> None:
    table = [row for row in rows(section(reference("hooks"), "## Options")) if len(row) == 2]
    assert [ast.literal_eval(codes(row[0])[0]) for row in table] == [
        *get_args(dispatch.Mode),
        *get_args(dispatch.OnError),
    ]


def test_every_annotation_means_what_is_documented() -> None:
    known = {"Literal": Literal, **vars(signatures)}
    documented = set()
    for left, right in rows(section(reference("hooks"), "## Annotations")):
        for annotation, meant in zip(codes(left), codes(right), strict=True):
            assert str(signatures.wit_type(eval(annotation, known))) == meant  # noqa: S307 - our own table
            documented.add(annotation)
    assert {each.__name__ for each in signatures._PLAIN} <= documented
    assert {name for name in vars(signatures) if re.fullmatch(r"[SUF]\d+", name)} <= documented


def test_every_field_of_a_result_is_documented() -> None:
    documented = first_codes(section(reference("hooks"), "## What a call returns"))
    assert {each.name for each in fields(HookResult)} | {"values", "errors"} == set(documented)


# What a plugin declares


def test_every_key_of_plugin_toml_is_documented_and_no_other_is() -> None:
    hook, route, task = (
        {each.name for each in fields(of)} - {"name", "path", "handler", "process_as_task"}
        for of in (manifest.HookDeclaration, manifest.RouteDeclaration, manifest.TaskDeclaration)
    )
    keys = {*plugin_toml.TEXTS, "settings", "capabilities.<name>"}
    keys |= {f"hooks.<name>.{key}" for key in hook} | {f"tasks.<name>.{key}" for key in task}
    keys |= {f'routes."<path>".{key}' for key in route}
    text = section(reference("manifest"), "## `plugin.toml`")
    assert set(first_codes(text)) == keys
    assert {key.partition(".")[0] for key in keys} == {*plugin_toml.TEXTS, *plugin_toml.SECTIONS}


def test_the_documented_plugin_toml_is_one_that_the_host_takes() -> None:
    example = re.search(r"^```toml\n(.*?)^```$", reference("manifest"), re.MULTILINE | re.DOTALL)
    assert example is not None
    record = {
        "plugin-name": "loyalty",
        "hooks": ["order-placed"],
        "routes": [{"path": "/loyalty/page", "handler": "page", "process-as-task": False}],
        "tasks": ["recount"],
    }
    assert manifest_reader.read_manifest(record, example[1].encode()).routes[0].access == "public"


def test_every_capability_and_every_reserved_name_is_documented() -> None:
    assert sorted(first_codes(section(reference("manifest"), "## Capabilities"))) == sorted(CAPABILITIES)
    reserved = next(row for row in rows(reference("manifest")) if row[0] == "names that no plugin may have")
    assert set(codes(reserved[1])) == manifest_reader._RESERVED


# HTTP


def test_the_headers_that_pass_are_those_that_are_documented() -> None:
    request, response = (row for row in rows(reference("http")) if row[0] == "`headers`")
    assert set(codes(request[1])) == exchange.PASSED_REQUEST_HEADERS
    assert set(codes(response[1])) == answer_headers.PASSED_RESPONSE_HEADERS


def test_what_the_host_adds_to_an_answer_is_documented() -> None:
    table = rows(section(reference("http"), "## What the host adds"))
    answer = answers.json_response("null", CallLog(1), answers.Terms(export="any"))
    assert {codes(row[0])[0]: codes(row[1])[0] for row in table} == {
        name: value for name, value in answer.items() if name not in ("Content-Type", "Content-Length")
    }


def test_the_documented_claims_are_those_of_the_host() -> None:
    example = json.loads(FENCE.findall(section(reference("http"), "## JSON handlers"))[0][1])
    assert example["claims"].keys() == exchange.claims_of(AnonymousUser()).keys()


def test_every_status_is_documented_and_no_other_is() -> None:
    table = rows(section(reference("http"), "## Errors"))
    assert {int(row[0]) for row in table} == {*STATUS_OF.values(), 500}


def test_every_key_of_a_run_is_documented_and_no_other_is() -> None:
    documented = first_codes(section(reference("http"), "## Routes that run as tasks"))
    assert documented == list(describe_run(TaskRun(plugin=Plugin(name="any"), handler="any")))


# WIT


@dataclass
class Interface:
    """What one interface in ``wit/`` holds, by name."""

    types: dict[str, wit.WitType] = field(default_factory=dict)
    functions: dict[str, wit.Func] = field(default_factory=dict)


class WitReader:
    """Reads the part of WIT that our own files use."""

    def __init__(self, text: str, others: dict[str, Interface]) -> None:
        self.tokens: deque[str] = deque(re.findall(r"[A-Za-z][\w-]*|->|[{}()<>,:;_.]", text))
        self.others = others
        self.used: dict[str, wit.WitType] = {}

    def take(self, *expected: str) -> str:
        token = self.tokens.popleft()
        assert not expected or token in expected, f"{token}, not {expected}"
        return token

    def read(self) -> tuple[str, Interface]:
        """Return the full name of the file's interface, and the interface."""
        self.take("package")
        self.package = self.take() + self.take(":") + self.take()
        self.take(";")
        self.take("interface")
        name, self.found = self.take(), Interface()
        self.take("{")
        while (word := self.take()) != "}":
            self.item(word)
        assert not self.tokens
        return f"{self.package}/{name}", self.found

    def item(self, word: str) -> None:
        if word == "use":
            source = self.others[f"{self.package}/{self.take()}"]
            self.take(".")
            self.used = {name: source.types[name] for name, _ in self.entries()}
            self.take(";")
        elif word in ("record", "variant", "enum"):
            name, parts = self.take(), tuple(self.entries())
            names = tuple(part for part, _ in parts)
            record = tuple((part, of) for part, of in parts if of is not None)
            made = {"record": wit.RecordOf(record), "variant": wit.VariantOf(parts), "enum": wit.EnumOf(names)}
            self.found.types[name] = made[word]
        else:
            self.found.functions[word] = self.function()

    def entries(self) -> Iterator[tuple[str, wit.WitType | None]]:
        """Read ``{ name, name: type, name(type) }``, or the same in round brackets."""
        end = {"{": "}", "(": ")"}[self.take("{", "(")]
        while self.tokens[0] != end:
            name, of = self.take(), None
            if self.tokens[0] in (":", "("):
                opening = self.take()
                of = self.type()
                if opening == "(":
                    self.take(")")
            yield name, of
            if self.tokens[0] == ",":
                self.take()
        self.take(end)

    def function(self) -> wit.Func:
        self.take(":")
        self.take("func")
        params = tuple((name, of) for name, of in self.entries() if of is not None)
        result = self.type() if self.take("->", ";") == "->" else None
        if result is not None:
            self.take(";")
        return wit.Func(params, result)

    def type(self) -> wit.WitType | None:
        name = self.take()
        parts: list[wit.WitType | None] = []
        if self.tokens[0] == "<":
            while self.take("<", ",", ">") != ">":
                parts.append(self.type())
        if name == "_":
            return None
        made = [part for part in parts if part is not None]
        match name:
            case "list":
                return wit.ListOf(*made)
            case "option":
                return wit.OptionOf(*made)
            case "tuple":
                return wit.TupleOf(tuple(made))
            case "result":
                return wit.ResultOf(*parts)
        primitive = getattr(wit, name.upper(), None)
        return primitive if isinstance(primitive, wit.Primitive) else {**self.used, **self.found.types}[name]


STANDARD = ("wasi-clocks", "wasi-http", "wasi-io", "wasi-keyvalue")
"""Packages of the standard that have resources; ``tests/runtime/wasi`` compares them with what the host offers."""


def wit_texts() -> list[str]:
    """Return the files of ``wit/`` without comments, those that use others last; the standard's own are not ours."""
    paths = [path for path in sorted((ROOT / "wit").rglob("*.wit")) if path.parent.name not in STANDARD]
    texts = [re.sub(r"//.*", "", path.read_text()) for path in paths]
    return sorted(texts, key=lambda text: "use " in text)


@pytest.fixture(scope="module")
def interfaces() -> dict[str, Interface]:
    """Every interface in ``wit/`` by its full name."""
    found: dict[str, Interface] = {}
    for text in wit_texts():
        name, interface = WitReader(text, found).read()
        found[name] = interface
    return found


def test_the_host_offers_what_the_contract_says_type_for_type(interfaces: dict[str, Interface]) -> None:
    imported = {name: each.functions for name, each in interfaces.items() if name != contract.PLUGIN_COMMON}
    assert {name: functions for name, functions in imported.items() if functions} == contract.HOST_TYPES


def test_plugins_export_what_the_contract_says(interfaces: dict[str, Interface]) -> None:
    assert interfaces[contract.PLUGIN_COMMON].functions == {"get-manifest": contract.GET_MANIFEST}
    http = interfaces["plugins-manager:common/http"].types
    answer = wit.ResultOf(http["response"], wit.STRING)
    assert wit.Func((("request", http["request"]),), answer) == contract.HTTP_HANDLER


def test_every_function_is_documented_with_its_type_and_no_other_is() -> None:
    promised = {f"{name}: {' '.join(of.split())}" for text in wit_texts() for name, of in FUNCTION.findall(text)}
    documented = {code for code in codes(reference("wit")) if FUNCTION.fullmatch(code)}
    assert documented == {text.replace("( ", "(").replace(", )", ")") for text in promised}


def test_every_type_is_documented_with_its_parts_and_no_other_is(interfaces: dict[str, Interface]) -> None:
    for full_name, interface in interfaces.items():
        package, _, name = full_name.partition("/")
        text = section(section(reference("wit"), f"## {package}"), f"### {name}")
        entries = re.findall(r"^- (?:record|variant|enum) `([a-z-]+)`: (.*?)[.;]", text, re.MULTILINE | re.DOTALL)
        documented = {type_name: codes(parts) for type_name, parts in entries}
        assert documented == {type_name: _names(of) for type_name, of in interface.types.items()}


def _names(of: wit.WitType) -> list[str]:
    match of:
        case wit.RecordOf(parts) | wit.VariantOf(parts):
            return [name for name, _ in parts]
        case wit.EnumOf(names):
            return list(names)
    raise AssertionError(of)


def test_the_resources_of_wasi_http_are_documented() -> None:
    documented = first_codes(section(reference("wit"), "## wasi:http"))
    resources = re.findall(
        r"^  resource ([a-z-]+)", (ROOT / "wit" / "wasi-http" / "http.wit").read_text(), re.MULTILINE
    )
    assert sorted(documented) == sorted(resources)


def test_the_functions_of_the_key_value_store_are_documented() -> None:
    promised = [*host_interfaces()[keyvalue.STORE].functions, *host_interfaces()[keyvalue.ATOMICS].functions]
    assert first_codes(section(reference("wit"), "## wasi:keyvalue")) == promised


def test_the_headers_that_a_request_must_not_have_are_documented() -> None:
    row = next(row for row in rows(reference("wit")) if row[0] == "headers that are the host's")
    assert set(codes(row[1])) == http_fields.FORBIDDEN | {"proxy-*"}


def test_the_copies_that_plugins_keep_are_those_of_the_contract() -> None:
    for package in [*(ROOT / "plugins").glob("*/wit/deps/*/"), *(ROOT / "tests" / "fetcher").glob("wit/deps/*/")]:
        ours = {path.name: path.read_bytes() for path in (ROOT / "wit" / package.name).glob("*.wit")}
        theirs = {path.name: path.read_bytes() for path in package.iterdir()}
        assert theirs.items() <= ours.items(), package  # packages grow, and a plugin may be older


def test_every_component_in_the_repository_was_built_from_its_sources() -> None:
    command = [sys.executable, str(ROOT / "plugins" / "artifacts.py"), "check"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stdout == ""


# Pages


def anchors(page: Path) -> set[str]:
    """Return what a link may point at in a page."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        if link.startswith(("https://", "http://")):
            continue
        target, _, anchor = link.partition("#")
        found = (page.parent / target).resolve() if target else page
        assert found.is_file(), link
        assert not anchor or anchor in anchors(found), link


def test_every_page_is_in_the_table_of_contents() -> None:
    contents, outside = ROOT / "docs" / "README.md", ROOT / "README.md"
    listed = {(contents.parent / link).resolve() for link in LINK.findall(contents.read_text())}
    assert set(PAGES) - {contents, outside} <= listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_code_is_what_it_says(page: Path) -> None:
    readers: dict[str, Any] = {
        "python": lambda text: compile(text, page.name, "exec"),
        "toml": tomllib.loads,
        "json": json.loads,
        "sql": parse_sql,
        "ini": configparser.ConfigParser(interpolation=None).read_string,
        **dict.fromkeys(("sh", "wit", "html", "text", "rust", "js", "c", "diff"), str),
    }
    for language, text in FENCE.findall(page.read_text()):
        readers[language](text)


def test_the_floors_are_documented_with_all_their_rooms() -> None:
    linted = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    table = rows(section((ROOT / "CONTRIBUTING.md").read_text(), "## Floors"))
    documented = [{code.rstrip("/") for code in codes(row[1])} for row in table if row[0].isdigit()]
    assert documented == [set(re.findall(r"\w+", layer)) for layer in reversed(linted)]
