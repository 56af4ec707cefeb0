"""What a version asks for, compared with what was granted and with what served before."""

from __future__ import annotations

import pytest

from tests.components import json_handler, ok, plugin_component, route, text_hook
from tests.installed import install
from wasm_plugins.grants import asks_no_more, covers
from wasm_plugins.models import Plugin
from wasm_plugins.sync import record_upload

PUBLIC = '[routes."/greeter/page"]\naccess = "public"'


def greeter(toml: str | None = None, **declared: object) -> bytes:
    page = route("/greeter/page", json_handler(ok("{}")))
    return plugin_component("greeter", routes=[page], toml=toml, **declared)  # type: ignore[arg-type]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("newer", "expected"),
    [
        (greeter(salt="another build"), True),
        (greeter(PUBLIC), False),
        (greeter("[capabilities.html]"), False),
        (greeter(hooks={"order-seen": text_hook(ok("hello"))}), False),
        (greeter(tasks={"recount": json_handler(ok("{}"))}), False),
    ],
)
def test_a_version_that_serves_more_or_to_more_asks_for_more(newer: bytes, expected: bool) -> None:
    plugin = install(greeter())
    assert asks_no_more(Plugin.objects.get(pk=plugin.pk), record_upload(newer)) is expected


@pytest.mark.parametrize(
    ("granted", "asked", "expected"),
    [
        ({"tables": {"a": ["select", "insert"]}}, {"tables": {"a": ["select"]}}, True),
        ({"tables": {"a": ["select"]}}, {"tables": {"a": ["select", "insert"]}}, False),
        ({"tables": {"a": ["select"]}}, {"tables": {"b": ["select"]}}, False),
        ({}, {}, True),
        ({"tables": {}}, {"tables": []}, False),
    ],
)
def test_a_scope_covers_what_lies_within_it(granted: object, asked: object, expected: bool) -> None:
    assert covers(granted, asked) is expected
