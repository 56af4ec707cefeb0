"""An admin's yes to a version never widens again what an admin narrowed, and the same file twice says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.admin.pages import Staff, levels_of, messages_of
from tests.admin.plugins import reader
from tests.components import json_handler, ok, plugin_component, sql
from tests.installed import install
from wasm_plugins import lifecycle
from wasm_plugins.consent import _agreed
from wasm_plugins.models import Plugin
from wasm_plugins.registry import find_snapshot
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db


def _tables(**tables: list[str]) -> dict[str, Any]:
    return {"tables": tables}


def _writer(**tables: list[str]) -> bytes:
    lines = "\n".join(f"{table} = {operations}" for table, operations in tables.items())
    task = json_handler(ok("{}", first=[sql("DELETE FROM shop_order")]))
    return plugin_component("writer", tasks={"write": task}, toml=f"[capabilities.database.tables]\n{lines}\n")


def _installed() -> Plugin:
    asked = {"shop_order": ["select", "update"], "shop_product": ["select"]}
    return install(_writer(**asked), grants={"database": _tables(**asked)})


def test_approving_an_upgrade_keeps_what_an_admin_narrowed(approver: Staff) -> None:
    plugin = _installed()
    lifecycle.grant(plugin, "database", _tables(shop_order=["select"]))
    record_upload(_writer(shop_order=["select", "update", "insert"], shop_product=["select"]))
    assert levels_of(approver.act(plugin, "approve", number=2)) == ["success"]
    assert plugin.grants.get().scope == _tables(shop_order=["select", "insert"])
    assert find_snapshot().plugins["writer"].version == 2


def test_granting_what_is_asked_for_leaves_a_narrowed_grant_alone(approver: Staff) -> None:
    plugin = _installed()
    lifecycle.grant(plugin, "database", _tables(shop_order=["select"]))
    assert levels_of(approver.act(plugin, "grant-requested", number=1)) == ["success"]
    assert plugin.grants.get().scope == _tables(shop_order=["select"])


def test_a_narrowed_grant_takes_effect_at_once() -> None:
    plugin = _installed()
    lifecycle.grant(plugin, "database", _tables(shop_order=["select"]))
    assert find_snapshot().plugins["writer"].grants == {"database": _tables(shop_order=["select"])}


def test_what_an_upgrade_asks_for_no_longer_is_no_longer_granted(approver: Staff) -> None:
    plugin = _installed()
    record_upload(_writer(shop_order=["select"]))
    approver.act(plugin, "approve", number=2)
    assert plugin.grants.get().scope == _tables(shop_order=["select"])


@pytest.mark.parametrize(
    ("asked", "granted", "before", "agreed"),
    [
        ({"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}),
        ({"a": 2}, {"a": 1}, {"a": 1}, {"a": 2}),
        ({"a": 1, "b": 2}, {"a": 1}, {"a": 1}, {"a": 1, "b": 2}),
        ({"a": ["x", "y"]}, {"a": ["x"]}, {"a": ["x", "y"]}, {"a": ["x"]}),
        ({"a": ["x", "z"]}, {"a": []}, {"a": ["x"]}, {"a": ["z"]}),
        ({"a": {"b": ["x"]}, "c": 1}, {"c": 1}, {"a": {"b": ["x"]}, "c": 1}, {"c": 1}),
        ({"a": ["x"]}, {"a": "odd"}, {"a": 7}, {"a": ["x"]}),
        ({}, {"a": 1}, {"a": 1}, {}),
    ],
)
def test_only_what_was_granted_or_is_new_is_agreed_to(asked: Any, granted: Any, before: Any, agreed: Any) -> None:
    assert _agreed(asked, granted, before) == agreed


def test_the_same_file_twice_says_that_it_was_recorded_before(uploader: Staff) -> None:
    uploader.upload(reader())
    ((level, said),) = messages_of(uploader.upload(reader()))
    assert level == "info"
    assert "already recorded" in said
