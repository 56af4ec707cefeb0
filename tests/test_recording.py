"""What becomes of the bytes of one upload: a verified version, a refused one, or none at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.components import (
    err,
    function,
    json_handler,
    number_hook,
    ok,
    ok_nothing,
    plugin_component,
    route,
    sql,
    text_hook,
)
from wasm_plugins import components, lifecycle, recording, storage, verification
from wasm_plugins.exceptions import CompileError, LinkError, ManifestError, PluginError
from wasm_plugins.models import Generation, Plugin, PluginVersion
from wasm_plugins.runtime.compiler import digest_of
from wasm_plugins.sync import record_upload, sync
from wasm_plugins.sync_report import Outcome, SyncReport

pytestmark = pytest.mark.django_db

VERIFIED, REFUSED = PluginVersion.State.VERIFIED, PluginVersion.State.REFUSED
TABLES = '[capabilities.database.tables]\nshop_order = ["{}"]\n'


def _writer(operation: str = "select", salt: str = "") -> bytes:
    """Return a plugin that asks for the database."""
    task = json_handler(ok("{}", first=[sql("DELETE FROM shop_order")]))
    return plugin_component("writer", tasks={"write": task}, toml=TABLES.format(operation), salt=salt)


def _only(report: SyncReport) -> Outcome:
    (outcome,) = report.outcomes
    return outcome


def _version(name: str = "greeter", number: int = 1) -> PluginVersion:
    return PluginVersion.objects.get(plugin__name=name, number=number)


@contextmanager
def _compiled() -> Iterator[list[str]]:
    """List the names of what is compiled, or loaded from the cache, while the block runs."""
    names: list[str] = []
    original = verification.verify_bytes

    def spy(data: bytes, **options: object) -> object:
        names.append(digest_of(data))
        return original(data, **options)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "verify_bytes", spy)
        yield names


def test_a_new_version_waits_for_an_admin() -> None:
    record_upload(plugin_component())
    lifecycle.enable(Plugin.objects.get(name="greeter"))
    storage.put_upload("greeter", plugin_component(salt="2"))
    outcome = _only(sync())
    assert (outcome.result, outcome.version, outcome.is_switched) == ("verified", 2, False)
    assert Plugin.objects.get(name="greeter").current_version == _version(number=1)


def test_a_new_version_that_asks_for_no_more_goes_live_by_itself_where_the_project_chose_so(settings: Settings) -> None:
    settings.WASM_PLUGINS_UPGRADES = "same-capabilities"
    record_upload(_writer("select"))
    plugin = Plugin.objects.get(name="writer")
    lifecycle.grant(plugin, "database", {"tables": {"shop_order": ["select", "update"]}})
    lifecycle.enable(plugin)
    before = Generation.current_token()
    assert record_upload(_writer("update")).number == 2
    assert Plugin.objects.get(name="writer").current_version == _version("writer", 2)
    assert Generation.current_token() != before


@pytest.mark.parametrize("scope", [None, {"tables": {"shop_order": ["select"]}}, {"tables": {"other": ["delete"]}}, {}])
def test_a_new_version_that_asks_for_more_never_goes_live_by_itself(
    settings: Settings, scope: dict[str, object] | None
) -> None:
    settings.WASM_PLUGINS_UPGRADES = "same-capabilities"
    record_upload(plugin_component("writer"))
    plugin = Plugin.objects.get(name="writer")
    if scope is not None:
        lifecycle.grant(plugin, "database", scope)
    lifecycle.enable(plugin)
    storage.put_upload("writer", _writer("delete"))
    assert not _only(sync()).is_switched
    assert Plugin.objects.get(name="writer").current_version == _version("writer", 1)


def test_a_version_that_an_admin_left_does_not_come_back_by_itself(settings: Settings) -> None:
    settings.WASM_PLUGINS_UPGRADES = "same-capabilities"
    record_upload(plugin_component())
    record_upload(plugin_component(salt="2"))
    lifecycle.use_version(Plugin.objects.get(name="greeter"), 1)
    sync()
    sync(again=True)
    assert Plugin.objects.get(name="greeter").current_version == _version(number=1)


BAD_FILES: dict[str, tuple[bytes, type[PluginError]]] = {
    "empty": (b"", CompileError),
    "a core module": (b"\0asm\x01\0\0\0", CompileError),
    "text": (b"(component)", CompileError),
    "an error page": (b"<!doctype html><h1>403</h1>", CompileError),
    "compiled code": (b"\x7fELF\x02\x01\x01\0", CompileError),
    "a zip": (b"PK\x03\x04", CompileError),
    "truncated": (plugin_component()[:-100], CompileError),
    "damaged": (plugin_component().replace(b"canon", b"") + b"\xff", CompileError),
    "an unknown import": (
        plugin_component(head='(import "evil:host/files" (instance (export "read" (func))))'),
        LinkError,
    ),
    "an unknown function": (plugin_component(head='(import "read" (func))'), LinkError),
    "sockets": (
        plugin_component(head='(import "wasi:http/outgoing-handler@0.2.0" (instance (export "handle" (func))))'),
        LinkError,
    ),
    "no get-manifest": (plugin_component(manifest_interface=None), LinkError),
    "a missing hook": (
        plugin_component(hooks={"order-placed": text_hook(ok(""))}, without=["order-placed"]),
        LinkError,
    ),
    "a hook of another type": (plugin_component(hooks={"order-placed": number_hook(err(""))}), LinkError),
    "a handler of another type": (
        plugin_component(routes=[route("/greeter/a", text_hook(ok("")))]),
        LinkError,
    ),
    "a task of another type": (plugin_component(tasks={"count": text_hook(ok(""))}), LinkError),
    "another's name": (plugin_component("loyalty"), ManifestError),
    "a bad name": (plugin_component("../greeter"), ManifestError),
    "another's path": (plugin_component(routes=[route("/loyalty/page", json_handler(ok("")))]), ManifestError),
    "a path with dots": (plugin_component(routes=[route("/greeter/../x", json_handler(ok("")))]), ManifestError),
    "a path twice": (
        plugin_component(
            routes=[
                route("/greeter/a", json_handler(ok(""))),
                route("/greeter/a", json_handler(ok("")), name="b"),
            ]
        ),
        ManifestError,
    ),
    "TOML that is none": (plugin_component(toml="= ="), ManifestError),
    "TOML with NUL": (plugin_component(toml='description = "a\\u0000b"'), ManifestError),
    "TOML with a date": (plugin_component(toml="[capabilities.database]\nsince = 2031-05-17"), ManifestError),
    "TOML with infinity": (plugin_component(toml="[capabilities.database]\nrows = inf"), ManifestError),
    "a route that the TOML alone knows": (
        plugin_component(toml='[routes."/greeter/x"]\naccess = "public"'),
        ManifestError,
    ),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_bad_file_is_refused_with_its_reason_and_harms_no_other(what: str) -> None:
    data, error = BAD_FILES[what]
    storage.put_upload("greeter", data)
    storage.put_upload("zebra", plugin_component("zebra"))
    refused, good = sync().outcomes
    version = _version()
    assert (refused.result, refused.code, good.result) == ("refused", error.code, "verified")
    assert (version.state, version.error_code, version.manifest) == (REFUSED, error.code, None)
    assert version.problem and version.problem == refused.problem
    assert Plugin.objects.get(name="greeter").current_version is None
    assert storage.read_kept(digest_of(data)) == data


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_bad_upload_changes_nothing_anywhere(what: str, plugin_folder: Path) -> None:
    data, error = BAD_FILES[what]
    with pytest.raises(error):
        record_upload(data, name="greeter")
    assert not Plugin.objects.exists()
    assert not plugin_folder.exists()


def test_types_that_are_megabytes_as_text_are_refused() -> None:
    nested = "(type $t0 (tuple u8 u8))" + "".join(f"(type $t{n} (tuple $t{n - 1} $t{n - 1}))" for n in range(1, 15))
    huge = function('(param "x" $t14) (result (result (error string)))', "(param i32)", ok_nothing())
    storage.put_upload("greeter", plugin_component(exports={"huge": huge}, head=nested))
    assert _only(sync()).code == CompileError.code


def test_a_plugin_whose_records_were_deleted_is_found_again_and_off() -> None:
    lifecycle.enable(record_upload(plugin_component()).plugin)
    lifecycle.delete(Plugin.objects.get())
    outcome = _only(sync())
    assert (outcome.result, outcome.version, Plugin.objects.get().is_enabled) == ("verified", 1, False)


def test_a_manifest_that_never_comes_is_refused_in_time(settings: Settings) -> None:
    settings.WASM_PLUGINS_MANIFEST_DEADLINE_MS = 100
    storage.put_upload("greeter", plugin_component(manifest_body="(loop $l (br $l)) unreachable"))
    storage.put_upload("crasher", plugin_component("crasher", manifest_body="unreachable"))
    assert [outcome.code for outcome in sync().outcomes] == ["plugin-trapped", "deadline-exceeded"]


def test_what_a_compiler_refused_once_is_not_compiled_again_under_any_name() -> None:
    data = plugin_component()[:-100]
    storage.put_upload("first", data)
    sync()
    storage.put_upload("second", data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(components, "compiled_cache", _never)
        assert [outcome.code for outcome in sync().outcomes] == [CompileError.code] * 2


def _never() -> None:
    raise AssertionError("nothing is to be compiled")


def test_a_refusal_is_looked_at_again_when_the_host_changed_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    storage.put_upload("greeter", plugin_component(hooks={"order-placed": number_hook(err(""))}))
    assert _only(sync()).result == "refused"
    with _compiled() as names:
        assert _only(sync()).result == "unchanged"
    assert names == []
    monkeypatch.setattr(verification, "hook_signatures", dict)
    outcome = _only(sync())
    assert (outcome.result, outcome.version, outcome.is_switched) == ("verified", 1, True)
    assert _version().findings


def test_sync_again_verifies_what_was_refused_and_leaves_the_rest() -> None:
    storage.put_upload("greeter", plugin_component())
    storage.put_upload("broken", plugin_component()[:-50])
    sync()
    with _compiled() as names:
        report = sync(again=True)
    assert [outcome.result for outcome in report.outcomes] == ["refused", "unchanged"]
    assert names == [digest_of(plugin_component()[:-50])]


@pytest.mark.parametrize(
    "declared",
    ["[capabilities.database.tabels]\nshop_order = ['select']", "[capabilities.database.tables]\nx = ['selct']"],
)
def test_a_scope_that_nobody_could_grant_is_refused_when_it_is_uploaded(declared: str) -> None:
    with pytest.raises(ManifestError) as caught:
        record_upload(plugin_component("greeter", toml=declared))
    assert caught.value.field == "plugin.toml: capabilities.database"
