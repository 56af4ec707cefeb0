"""What a plugin may declare as its settings, and that no schema can reach out, grow or keep a process busy."""

from __future__ import annotations

import time
from typing import Any

import pytest

from wasm_plugins.exceptions import ManifestError
from wasm_plugins.manifest_reader import read_manifest
from wasm_plugins.settings_schema import (
    MOST_CHOICES,
    MOST_SCHEMAS,
    MOST_SETTINGS,
    PATTERN_CHARS,
    SCHEMA_BYTES,
    read_schema,
    validator,
)

RECORD = {"plugin-name": "greeter", "hooks": [], "routes": [], "tasks": []}
SCHEMA: dict[str, Any] = {
    "required": ["shop"],
    "properties": {
        "shop": {"type": "string", "minLength": 1, "title": "Shop"},
        "rate": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5},
        "token": {"type": "string", "writeOnly": True},
        "smtp": {"type": "object", "properties": {"port": {"type": "integer", "default": 25}}},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    },
}


def _inside(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        inner = {"type": "array", "items": inner}
    return {"properties": {"deep": inner}}


def _property(**schema: Any) -> dict[str, Any]:
    return {"properties": {"a": schema}}


def test_an_ordinary_schema_is_taken_and_closed_against_what_it_does_not_name() -> None:
    taken = read_schema(SCHEMA)
    assert taken["properties"].keys() == SCHEMA["properties"].keys()
    assert taken["properties"]["rate"] == SCHEMA["properties"]["rate"]
    assert taken["x-order"] == ["shop", "rate", "token", "smtp", "tags"]
    assert (taken["type"], taken["additionalProperties"]) == ("object", False)
    assert read_schema({}) == {}


def test_the_schema_is_part_of_the_manifest() -> None:
    toml = b'[settings.properties.shop]\ntype = "string"\ndefault = "main"\n'
    assert read_manifest(RECORD, toml).settings["properties"] == {"shop": {"type": "string", "default": "main"}}
    assert read_manifest(RECORD, b'version = "1"').settings == {}


@pytest.mark.parametrize(
    "toml",
    [
        b'[settings.properties.a]\n"$ref" = "http://127.0.0.1:9/schema"\n',
        b"[settings.properties.a]\ndefault = 1979-05-27\n",
        b"[settings.properties.a]\nminimum = inf\n",
        b"settings = 3\n",
    ],
)
def test_a_schema_that_is_not_taken_refuses_the_plugin_and_says_where(toml: bytes) -> None:
    with pytest.raises(ManifestError) as refused:
        read_manifest(RECORD, toml)
    assert refused.value.field == "plugin.toml: settings"


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/schema"},
        {"$schema": "http://json-schema.org/draft-04/schema#"},
        {"$defs": {"a": {}}},
        {"allOf": [{}]},
        {"patternProperties": {"(a+)+$": {}}},
        {"if": {}, "then": {}},
        {"$dynamicRef": "#a"},
        {"type": "string"},
        {"properties": 3},
        {"properties": {"a": True}},
        {"required": 3},
        {"required": [{}]},
        {"required": ["missing"]},
        _property(**{"$ref": "#"}),
        _property(type="text"),
        _property(type="string", pattern="(?=a)b"),
        _property(type="string", pattern=r"(a)\1"),
        _property(type="string", pattern="["),
        _property(type="string", pattern="((a{500}){500}){500}"),
        _property(type="string", pattern="a" * (PATTERN_CHARS + 1)),
        _property(type="string", minLength=-1),
        _property(type="string", default=3),
        _property(type="integer", maximum=10**30),
        _property(enum=list(range(MOST_CHOICES + 1))),
        _property(oneOf=[{"const": number} for number in range(MOST_CHOICES + 1)]),
        _property(anyOf=3),
        _property(title="x" * 1001),
        _property(title="\x07"),
        _property(description=["x"]),
        _property(type="string", default="\x00"),
        _property(type="string", writeOnly=True, default="x"),
        _property(type="integer", writeOnly=True),
        _property(type="object", properties={"b": {"type": "string", "writeOnly": True}}),
        {"properties": {"Shop": {}}},
        {"properties": {"a.b": {}}},
        {"properties": {"a" * 64: {}}},
        {"properties": {f"a{number}": {} for number in range(MOST_SETTINGS + 1)}},
        {"properties": {"a": {"anyOf": [{"anyOf": [{}] * 200}] * 2}}},
        _property(description="x" * 900, examples=["x" * SCHEMA_BYTES]),
        _inside(8),
        _inside(400),
    ],
)
def test_what_could_do_harm_or_makes_no_form_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read_schema(schema)


def test_as_many_schemas_as_may_be_are_taken() -> None:
    groups = {f"g{one}": {"type": "object", "properties": {f"p{n}": {} for n in range(62)}} for one in range(4)}
    assert MOST_SCHEMAS > 4 * 63
    assert read_schema({"properties": groups})
    with pytest.raises(ValueError, match=str(MOST_SCHEMAS)):
        read_schema(
            {"properties": {**groups, "one-more": {"type": "object", "properties": groups["g0"]["properties"]}}}
        )


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "^(a?){50}a{50}$", "a*" * 60 + "b"])
def test_a_pattern_that_would_keep_other_engines_busy_for_ever_takes_milliseconds(pattern: str) -> None:
    fits = validator(read_schema(_property(type="string", pattern=pattern))["properties"]["a"])
    began = time.perf_counter()
    assert not fits.is_valid("a" * 10_000 + "!" * 2 if pattern.endswith("$") else "a" * 10_000)
    assert time.perf_counter() - began < 2
