"""Whatever a stranger wrote, a reader answers or refuses with the error it documents, and never takes long."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from wasm_plugins.exceptions import ManifestError
from wasm_plugins.grants import check_grant, covers
from wasm_plugins.host.configuration import is_secret_name
from wasm_plugins.manifest import MOST_ENTRIES, NAME_CHARS, PATH_CHARS, TOML_BYTES, Manifest
from wasm_plugins.manifest_reader import check_name, read_manifest
from wasm_plugins.runtime.log import LINE_BYTES, CallLog
from wasm_plugins.runtime.sections import PREAMBLE, append_section, read_sections

BOUNDED = settings(deadline=2_000)
"""Two seconds for one example, which is generous: these readers take microseconds."""

NASTY = st.text(
    st.sampled_from("aZ09/.~_-:%\\ \n\r\t\0\x1b\u202e\u200b\ufeffé½ａ😀{}<>\"'[]=#"), max_size=80
) | st.text(max_size=40)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | NASTY | st.binary(max_size=20)
ANYTHING = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NASTY, inner, max_size=4))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NASTY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NASTY, inner, max_size=4),
)

ROUTES = st.fixed_dictionaries(
    {"path": NASTY.map("/loyalty/".__add__) | NASTY, "handler": NASTY, "process-as-task": st.booleans()}
)
RECORDS = st.fixed_dictionaries(
    {
        "plugin-name": st.just("loyalty") | NASTY,
        "hooks": st.lists(NASTY, max_size=5) | st.just(["order-placed"] * (MOST_ENTRIES + 1)),
        "routes": st.lists(ROUTES, max_size=4),
        "tasks": st.lists(NASTY | st.just("recount"), max_size=4),
    }
)
"""Records of ``get-manifest`` as the component model lets them through: the right types, any contents."""

RECORD = {
    "plugin-name": "loyalty",
    "hooks": ["order-placed"],
    "routes": [{"path": "/loyalty/points", "handler": "points", "process-as-task": False}],
    "tasks": ["recount"],
}


def _is_sound(manifest: Manifest) -> bool:
    names = [manifest.name, *(hook.name for hook in manifest.hooks), *(task.name for task in manifest.tasks)]
    paths = [each.path for each in manifest.routes]
    return (
        all(name.isascii() and 0 < len(name) <= NAME_CHARS and name == name.lower() for name in names)
        and all(path.isascii() and path.isprintable() and len(path) <= PATH_CHARS for path in paths)
        and all(path == "/loyalty" or path.startswith(f"/{manifest.name}/") for path in paths)
        and not any(part.startswith(".") for path in paths for part in path.split("/"))
        and Manifest.from_json(json.loads(json.dumps(manifest.as_json()))) == manifest
    )


@BOUNDED
@given(ANYTHING)
def test_anything_is_a_name_or_a_manifest_error(thing: Any) -> None:
    try:
        assert check_name(thing, "here") == thing
    except ManifestError as refused:
        assert refused.field == "here"
        assert len(str(refused)) < 400


@BOUNDED
@given(RECORDS)
def test_any_record_is_a_sound_manifest_or_a_manifest_error(record: dict[str, Any]) -> None:
    try:
        assert _is_sound(read_manifest(record))
    except ManifestError as refused:
        assert str(refused).isprintable()


@BOUNDED
@given(st.binary(max_size=400) | NASTY.map(lambda text: text.encode(errors="surrogatepass")))
def test_any_bytes_are_a_plugin_toml_or_a_manifest_error(toml: bytes) -> None:
    try:
        assert _is_sound(read_manifest(RECORD, toml))
    except ManifestError as refused:
        assert str(refused).isprintable()


@BOUNDED
@given(
    st.sampled_from(["hooks.order-placed", 'routes."/loyalty/points"', "tasks.recount", "capabilities.database", ""]),
    st.sampled_from(
        ["priority", "methods", "access", "queue", "timeout_s", "max_retries", "schedule", "tables", "title"]
    ),
    st.sampled_from(
        ["1e400", "nan", "-0", "9" * 5_000, "1979-05-27", "'''x'''", "[[]]", "{a.b.c={}}", "0x7fffffffffffffff1"]
    )
    | JSON.map(json.dumps),
)
def test_any_value_of_a_known_key_is_taken_or_a_manifest_error(table: str, key: str, value: str) -> None:
    toml = (f"[{table}]\n" if table else "") + f"{key} = {value}\n"
    try:
        assert _is_sound(read_manifest(RECORD, toml.encode(errors="surrogatepass")))
    except ManifestError as refused:
        assert str(refused).isprintable()


@BOUNDED
@given(
    st.sampled_from(["[", "{a=", "a.", '"', "[[a]]\n", "a" * 50 + "\n", "#", "'''", "x=[1,\n"]),
    st.integers(1, TOML_BYTES),
)
def test_toml_that_is_deep_long_or_unfinished_is_refused_in_time(piece: str, times: int) -> None:
    toml = (piece * (times // len(piece) + 1)).encode()[:TOML_BYTES]
    try:
        read_manifest(RECORD, toml)
    except ManifestError as refused:
        assert refused.field.startswith("plugin.toml")


@BOUNDED
@given(st.binary(max_size=400), st.integers(0, 1_000))
def test_any_bytes_are_sections_or_a_value_error(tail: bytes, limit_bytes: int) -> None:
    try:
        found = read_sections(PREAMBLE + tail, limit_bytes=limit_bytes)
    except ValueError:
        return
    assert sum(len(name.encode()) + len(payload) for name, payload in found.items()) <= limit_bytes


@BOUNDED
@given(st.data())
def test_a_component_of_which_bytes_were_changed_is_read_or_a_value_error(data: st.DataObject) -> None:
    component = bytearray(append_section(append_section(PREAMBLE, "plugin.toml", b"title = 'x'"), "name", bytes(40)))
    for _ in range(data.draw(st.integers(1, 5))):
        component[data.draw(st.integers(0, len(component) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_sections(bytes(component[: data.draw(st.integers(0, len(component)))]), limit_bytes=1_000)
    except ValueError as refused:
        assert len(str(refused)) < 400


@BOUNDED
@given(NASTY)
def test_a_secret_has_a_name_that_is_the_same_however_it_is_normalised(name: str) -> None:
    if is_secret_name(name):
        assert name.isascii() and name == name.lower().strip()
        assert not set(name) & set("/:%\\\x00 ")


@BOUNDED
@given(st.sampled_from(["database", "authorization", "config", "nothing"]), JSON)
def test_any_scope_is_granted_or_a_value_error(capability: str, scope: Any) -> None:
    try:
        check_grant(capability, scope)
    except ValueError as refused:
        assert len(str(refused)) < 1_000
    assert covers(scope, scope)


@BOUNDED
@given(st.lists(NASTY | st.text(max_size=300), max_size=6), st.integers(0, 2_000))
def test_whatever_is_logged_is_one_printable_line_each_within_the_limit(texts: list[str], limit_bytes: int) -> None:
    log = CallLog(limit_bytes)
    for text in texts:
        log.write("info", text)
        log.write_bytes("error", text.encode(errors="surrogatepass"))
    log.flush()
    assert all(line.text.replace("\t", "").isprintable() for line in log.lines)
    assert all(len(line.text) <= 10 * LINE_BYTES for line in log.lines)
    assert len(log.lines) <= limit_bytes // 64 + 2


def test_the_toml_of_the_longest_kind_is_read_at_all() -> None:
    toml = "[capabilities.database.tables]\n" + "".join(f't{number} = ["select"]\n' for number in range(64))
    assert tomllib.loads(toml)
    assert len(read_manifest(RECORD, toml.encode()).capabilities["database"]["tables"]) == 64
