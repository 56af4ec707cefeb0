"""Everything that reads bytes from outside, each as a function of bytes that may refuse in the documented way only."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.test import RequestFactory

from wasm_plugins.exceptions import ManifestError, RouteRefused
from wasm_plugins.exchange import json_input
from wasm_plugins.grants import check_grant
from wasm_plugins.host.sql.engine import SqlLimits
from wasm_plugins.host.sql.errors import SqlRefused
from wasm_plugins.host.sql.postgresql_proof import prove
from wasm_plugins.manifest_reader import read_manifest
from wasm_plugins.runtime.sections import PREAMBLE, read_sections
from wasm_plugins.scopes.tables import TableGrant

_GRANT: Final = TableGrant.from_scope({"tables": {"shop_order": ["select", "update"], "shop_product": ["select"]}})
_RECORD: Final = {"plugin-name": "fuzzed", "hooks": ["order-placed"], "routes": [], "tasks": ["recount"]}


def sections(data: bytes) -> None:
    """A component's custom sections."""
    try:
        found = read_sections(PREAMBLE + data, limit_bytes=4_096)
    except ValueError:
        return
    assert sum(map(len, found.values())) <= 4_096


def toml(data: bytes) -> None:
    """The ``plugin.toml`` of a component."""
    try:
        read_manifest(_RECORD, data)
    except ManifestError:
        return


def manifest(data: bytes) -> None:
    """What ``get-manifest`` answers: texts of any kind, in the record's shape."""
    names = data.decode(errors="surrogateescape").split("\n")
    routes = [{"path": name, "handler": name[::-1], "process-as-task": False} for name in names[3::3]]
    try:
        read_manifest({"plugin-name": names[0], "hooks": names[1::3], "routes": routes, "tasks": names[2::3]})
    except ManifestError:
        return


def scope(data: bytes) -> None:
    """The scope of a grant, as an author or an admin wrote it."""
    try:
        asked = json.loads(data)
    except (ValueError, RecursionError):
        return
    try:
        check_grant("database", asked)
    except ValueError:
        return


def sql(data: bytes) -> None:
    """A statement for PostgreSQL."""
    text = data.decode(errors="replace")
    try:
        prove(text, 0, _GRANT, SqlLimits())
    except SqlRefused:
        return


def body(data: bytes) -> None:
    """The body of a request to a JSON route."""
    request: Any = RequestFactory().post("/plugins/fuzzed/one", data, content_type="application/json")
    request.user = _Nobody()
    try:
        text = json_input(request, "/fuzzed/one")
    except RouteRefused:
        return
    assert json.loads(text)["claims"]["is_authenticated"] is False


class _Nobody:
    is_authenticated = False


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    target.__name__: target for target in (sections, toml, manifest, scope, sql, body)
}
"""By name."""

SEEDS: Final[Mapping[str, tuple[bytes, ...]]] = {
    "sections": (b"\x00\x05\x04salt", b"\x00\x0d\x0bplugin.toml\x41"),
    "toml": (b'version = "1"\n[hooks.order-placed]\npriority = 3\n[tasks.recount]\nschedule = "0 3 * * *"\n',),
    "manifest": (b"fuzzed\norder-placed\nrecount\n/fuzzed/one\nanother",),
    "scope": (b'{"tables": {"shop_order": ["select", "insert"]}}',),
    "sql": (
        b"SELECT id, total_cents FROM shop_order WHERE id = 1",
        b"UPDATE shop_order SET note = 'x' WHERE id IN (SELECT id FROM shop_product)",
        b"WITH a AS (SELECT 1) SELECT set_config('role', 'x', true), * FROM a -- x",
    ),
    "body": (b'{"a": [1, 2.5, null, "x"], "claims": {"is_authenticated": true}}',),
}
"""Where the search begins."""
