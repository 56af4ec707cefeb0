"""What a plugin reads of its settings: what fits of what was set, over the defaults."""

from __future__ import annotations

from typing import Any

import pytest

from tests.test_settings_schema import SCHEMA
from wasm_plugins.settings_schema import read_schema
from wasm_plugins.settings_values import as_keys, default_of, in_force, misfits, missing

SCHEMA_READ = read_schema(SCHEMA)


@pytest.mark.parametrize(
    ("stored", "keys"),
    [
        ({}, {"rate": "0.5", "smtp.port": "25"}),
        ({"shop": "main", "rate": 0.25}, {"shop": "main", "rate": "0.25", "smtp.port": "25"}),
        ({"shop": 3, "rate": 7, "smtp": {"port": "x"}}, {"rate": "0.5", "smtp.port": "25"}),
        ({"smtp": {"port": 587}, "tags": ["a", "ß"]}, {"rate": "0.5", "smtp.port": "587", "tags": '["a", "ß"]'}),
        ({"unknown": 1, "token": "never from here"}, {"rate": "0.5", "smtp.port": "25"}),
        ([], {"rate": "0.5", "smtp.port": "25"}),
    ],
)
def test_each_setting_is_what_was_set_if_it_fits_and_else_the_default(stored: Any, keys: dict[str, str]) -> None:
    assert as_keys(SCHEMA_READ, in_force(SCHEMA_READ, stored)) == keys


def test_what_does_not_fit_and_what_lacks_is_named() -> None:
    assert misfits(SCHEMA_READ, {"shop": 3, "rate": 0.1, "smtp": {"port": "x"}}) == ["shop", "smtp.port"]
    assert missing(SCHEMA_READ, {"shop": 3}, frozenset()) == ["shop"]
    assert missing(SCHEMA_READ, {"shop": "main"}, frozenset()) == []
    needed = read_schema({**SCHEMA, "required": ["token"]})
    assert missing(needed, {}, frozenset()) == ["token"]
    assert missing(needed, {}, frozenset({"token"})) == []


def test_a_default_of_an_object_counts_for_what_is_in_it() -> None:
    inner = {"host": {"type": "string"}, "port": {"type": "integer", "default": 25}}
    schema = read_schema(
        {"properties": {"smtp": {"type": "object", "properties": inner, "default": {"host": "mail", "port": 1}}}}
    )
    assert default_of(schema, ("smtp", "host")) == ("mail", True)
    assert default_of(schema, ("smtp", "port")) == (25, True)
    assert in_force(schema, {"smtp": {"port": 3}}) == {"smtp": {"host": "mail", "port": 3}}


def test_what_an_object_requires_has_to_be_there_only_if_the_object_has() -> None:
    smtp = {"type": "object", "required": ["host"], "properties": {"host": {"type": "string"}}}
    assert missing(read_schema({"properties": {"smtp": smtp}}), {}, frozenset()) == []
    assert missing(read_schema({"required": ["smtp"], "properties": {"smtp": smtp}}), {}, frozenset()) == ["smtp.host"]
