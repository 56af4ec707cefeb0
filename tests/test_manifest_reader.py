"""Manifests: what is well-formed is read, and every fault is refused with the field that has it."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasm_plugins.exceptions import ManifestError
from wasm_plugins.manifest import MOST_ENTRIES, TOML_BYTES, Manifest
from wasm_plugins.manifest_reader import check_name, read_manifest

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,5}){0,3}", fullmatch=True)
SEGMENTS = st.from_regex(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,12}", fullmatch=True)
TOML = b"""
version = "1.2.0"
title = "Loyalty"
description = "Points"
author = "A"
homepage = "https://example.org"
license = "MIT"
[hooks.order-placed]
priority = 7
[routes."/loyalty/page"]
methods = ["GET"]
access = "public"
[tasks.recount]
queue = "slow"
timeout_s = 60
max_retries = 2
[capabilities.database.tables]
shop_points = ["select"]
"""


def record(**changes: Any) -> dict[str, Any]:
    """Return what a good get-manifest answers, with changes."""
    return {
        "plugin-name": "loyalty",
        "hooks": ["order-placed"],
        "routes": [route("/loyalty/page"), route("/loyalty/job", **{"process-as-task": True})],
        "tasks": ["recount"],
        **changes,
    }


def route(path: str, **changes: Any) -> dict[str, Any]:
    """Return one route of a manifest."""
    return {"path": path, "handler": "page", "process-as-task": False, **changes}


def _field(toml: str | bytes | None = None, **changes: Any) -> str:
    with pytest.raises(ManifestError) as caught:
        read_manifest(record(**changes), toml.encode() if isinstance(toml, str) else toml)
    return caught.value.field


def test_everything_that_is_declared_is_read() -> None:
    manifest = read_manifest(record(), TOML)
    assert (manifest.name, manifest.version, manifest.title, manifest.license) == ("loyalty", "1.2.0", "Loyalty", "MIT")
    assert [(hook.name, hook.priority) for hook in manifest.hooks] == [("order-placed", 7)]
    page, job = manifest.routes
    assert (page.methods, page.access, page.handler, page.process_as_task) == (("GET",), "public", "page", False)
    assert (job.methods, job.access, job.process_as_task) == (("POST",), "authenticated", True)
    (task,) = manifest.tasks
    assert (task.queue, task.timeout_s, task.max_retries) == ("slow", 60, 2)
    assert manifest.capabilities == {"database": {"tables": {"shop_points": ["select"]}}}


def test_without_a_toml_there_are_defaults() -> None:
    manifest = read_manifest(record())
    assert (manifest.hooks[0].priority, manifest.routes[0].methods) == (100, ("GET", "POST"))
    assert (manifest.tasks[0].queue, manifest.tasks[0].timeout_s, manifest.tasks[0].max_retries) == ("", None, 0)


def test_a_manifest_comes_back_from_json_as_it_was() -> None:
    manifest = read_manifest(record(), TOML)
    assert Manifest.from_json(json.loads(json.dumps(manifest.as_json()))) == manifest


@given(NAMES)
def test_a_kebab_case_name_is_a_name(name: str) -> None:
    assert check_name(name, "here") == name


@given(st.text())
def test_any_other_text_is_refused_with_its_field(text: str) -> None:
    if re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", text) and len(text) <= 63:
        assert check_name(text, "here") == text
        return
    with pytest.raises(ManifestError) as caught:
        check_name(text, "here")
    assert caught.value.field == "here"


@pytest.mark.parametrize("name", ["a" * 64, "a\n", "A", "a_b", "a--b", "-a", "a-", "1a", "", "é", None, 3, b"a"])
def test_a_name_that_is_none_is_refused(name: object) -> None:
    with pytest.raises(ManifestError):
        check_name(name, "here")


@pytest.mark.parametrize("name", ["admin", "static", "media", "runs", "wasm-plugins"])
def test_a_name_that_urls_need_is_reserved(name: str) -> None:
    assert _field(**{"plugin-name": name}) == "plugin-name"


@given(st.lists(SEGMENTS, max_size=6), st.booleans())
def test_paths_of_plain_segments_below_the_plugins_name_are_paths(segments: list[str], slash: bool) -> None:
    path = "/".join(["/loyalty", *segments]) + "/" * slash
    manifest = read_manifest(record(routes=[route(path)]))
    assert manifest.routes[0].path == path


@given(st.text(st.sampled_from("ab./%\\~_- \n\0é?#:\u202e"), max_size=12))
def test_no_path_can_leave_the_plugins_own_place(rest: str) -> None:
    path = f"/loyalty/{rest}"
    try:
        read_manifest(record(routes=[route(path)]))
    except ManifestError as refused:
        assert refused.field == "routes[0].path"
    else:
        assert set(path) <= set("/loyaltyab._~-")
        assert not any(part.startswith(".") for part in path.split("/"))
        assert "//" not in path


@pytest.mark.parametrize(
    "path", ["", "/", "loyalty/a", "/loyalty2/a", "/other/a", "/loyalty//", "/loyalty/../x", "/loyalty/" + "a" * 200]
)
def test_a_path_that_is_none_is_refused(path: str) -> None:
    assert _field(routes=[route("/loyalty/a"), route(path)]) == "routes[1].path"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"plugin-name": "No"}, "plugin-name"),
        ({"hooks": ["a", "B"]}, "hooks[1]"),
        ({"tasks": ["a", "b c"]}, "tasks[1]"),
        ({"routes": [route("/loyalty/a", handler="Page")]}, "routes[0].handler"),
        ({"hooks": ["a", "a"]}, "hooks"),
        ({"tasks": ["a", "a"]}, "tasks"),
        ({"routes": [route("/loyalty/a")] * 2}, "routes"),
        ({"hooks": [f"h{at}" for at in range(MOST_ENTRIES + 1)]}, "hooks"),
        ({"tasks": [f"t{at}" for at in range(MOST_ENTRIES + 1)]}, "tasks"),
        ({"routes": [route(f"/loyalty/{at}") for at in range(MOST_ENTRIES + 1)]}, "routes"),
    ],
)
def test_a_fault_of_the_record_names_its_field(changes: dict[str, Any], field: str) -> None:
    assert _field(**changes) == field


@pytest.mark.parametrize(
    ("toml", "field"),
    [
        ("a = [", "plugin.toml"),
        (b"\xff", "plugin.toml"),
        ("#" * (TOML_BYTES + 1), "plugin.toml"),
        ("unknown = 1", "plugin.toml"),
        ("version = 1", "plugin.toml: version"),
        (f'title = "{"a" * 1001}"', "plugin.toml: title"),
        ("hooks = 1", "plugin.toml: hooks"),
        ("[hooks.other]", "plugin.toml: hooks"),
        ('[routes."/loyalty/other"]', "plugin.toml: routes"),
        ("[tasks.other]", "plugin.toml: tasks"),
        ("[hooks]\norder-placed = 1", "plugin.toml: order-placed"),
        ('[hooks.order-placed]\npriority = "1"', "hooks[0].priority"),
        ("[hooks.order-placed]\npriority = true", "hooks[0].priority"),
        ("[hooks.order-placed]\npriority = 10001", "hooks[0].priority"),
        ('[routes."/loyalty/page"]\nmethods = []', "routes[0].methods"),
        ('[routes."/loyalty/page"]\nmethods = ["get"]', "routes[0].methods"),
        ('[routes."/loyalty/page"]\nmethods = "GET"', "routes[0].methods"),
        ('[routes."/loyalty/page"]\naccess = "everyone"', "routes[0].access"),
        ('[routes."/loyalty/page"]\naccess = ["public"]', "routes[0].access"),
        ('[tasks.recount]\nqueue = "a b"', "tasks[0].queue"),
        ("[tasks.recount]\ntimeout_s = 0", "tasks[0].timeout_s"),
        ("[tasks.recount]\nmax_retries = 21", "tasks[0].max_retries"),
        ("[capabilities]\nDatabase = {}", "plugin.toml: capabilities"),
        ("[capabilities]\ndatabase = 1", "plugin.toml: database"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_fault_of_the_toml_names_its_field(toml: str | bytes, field: str) -> None:
    assert _field(toml) == field


def test_a_key_of_very_many_parts_is_refused_before_it_is_parsed() -> None:
    """It was parsed for minutes."""
    started = time.monotonic()
    with pytest.raises(ManifestError) as caught:
        read_manifest(record(), b"a." * 32_000 + b"a = 1")
    assert caught.value.field == "plugin.toml"
    assert time.monotonic() - started < 5


@given(st.binary(max_size=60) | st.text(st.sampled_from('a="[]{}.\n10tf-:#'), max_size=60).map(str.encode))
def test_any_bytes_are_a_manifest_or_a_manifest_error(toml: bytes) -> None:
    try:
        read_manifest(record(), toml)
    except ManifestError as refused:
        assert refused.field


@pytest.mark.parametrize("permission", ["shop.view_order", "public", "staff", "authenticated"])
def test_access_is_a_word_or_a_permission(permission: str) -> None:
    toml = f'[routes."/loyalty/page"]\naccess = "{permission}"'
    assert read_manifest(record(), toml.encode()).routes[0].access == permission
