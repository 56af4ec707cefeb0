"""Hostile declarations: one plugin's names, routes and texts are out of reach of another's."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.admin.pages import LIST, Staff, page_of, text_of
from tests.components import json_handler, ok, plugin_component, route, text_hook
from tests.installed import install
from tests.wat import HostImport
from wasm_plugins import lifecycle, storage
from wasm_plugins.exceptions import LimitExceeded, LinkError, ManifestError, PluginError
from wasm_plugins.models import Plugin, PluginVersion, Route
from wasm_plugins.registry import find_snapshot
from wasm_plugins.sync import record_upload, sync
from wasm_plugins.verification import verify_bytes

pytestmark = [pytest.mark.django_db, pytest.mark.canary_after]


@pytest.fixture
def root() -> Staff:
    """A superuser, logged in to the admin."""
    return Staff(User.objects.create_superuser("root"), Client())


ROOT = Path(__file__).resolve().parents[3]


def _miru(name: str = "miru", path: str = "/miru/page", salt: str = "") -> bytes:
    return plugin_component(
        name,
        hooks={"order-placed": text_hook(ok(name))},
        routes=[route(path, json_handler(ok(json.dumps(name))), name="page")],
        tasks={"count": json_handler(ok("{}"))},
        salt=salt,
    )


def _incumbent_is_untouched() -> bool:
    entry = find_snapshot().routes["/miru/page"]
    return (entry.plugin.name, find_snapshot().plugins["miru"].version) == ("miru", 1)


# S3-15


@pytest.mark.parametrize("file", ["miru2", "aaa", "zzz"])
def test_s3_15_an_object_whose_manifest_has_another_name_is_refused(file: str) -> None:
    install(_miru())
    storage.put_upload(file, _miru(salt="2"))
    outcome = next(each for each in sync().outcomes if each.key == f"plugins/{file}.wasm")
    assert (outcome.result, outcome.code) == ("refused", ManifestError.code)
    assert _incumbent_is_untouched()
    assert not Plugin.objects.exclude(name="miru").exclude(current_version=None).exists()


@pytest.mark.parametrize("order", [("miru", "thief"), ("thief", "miru")])
def test_s3_15_the_incumbent_stays_also_after_a_restart_in_the_other_order(
    order: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(_miru())
    objects = {"miru": _miru(), "thief": _miru(salt="thief")}
    for name in order:
        storage.put_upload(name, objects[name])
    listed = list(storage.list_uploads())
    by_order = sorted(listed, key=lambda item: order.index(item.key[8:-5]))
    monkeypatch.setattr(storage, "list_uploads", lambda: iter(by_order))
    for _ in range(2):
        sync()
        assert _incumbent_is_untouched()


@pytest.mark.parametrize(
    "name",
    [
        *("admin", "static", "media", "runs", "livez", "readyz", "..", ".", "con", "nul", "com1", "lpt9"),
        *("wasm_plugins", "wasm-plugins", "Miru", "miru/", "miru\n", "mіru", "mi\u200bru", "ｍiru", ""),
    ],
)
def test_s3_15_a_name_of_the_hosts_or_of_none_is_refused(name: str) -> None:
    install(_miru())
    with pytest.raises(ManifestError):
        record_upload(plugin_component(name))
    assert not Plugin.objects.exclude(name="miru").exists()
    assert _incumbent_is_untouched()


def test_s3_15_a_task_and_a_hook_of_one_name_belong_to_each_plugin_alone() -> None:
    install(_miru())
    install(_miru("other", "/other/page"))
    snapshot = find_snapshot()
    assert {key: entry.plugin.name for key, entry in snapshot.tasks.items()} == {
        ("miru", "count"): "miru",
        ("other", "count"): "other",
    }
    assert [plugin.name for plugin in snapshot.hooks["order-placed"]] == ["miru", "other"]


# S3-16

PATHS = [
    "http://other.test/miru/page",
    "//other.test/page",
    "/",
    "/admin/",
    "/miru/page",
    "/miru",
    "/thief2/page",
    "/thief/../miru/page",
    "/thief/%2e%2e/miru",
    "/thief/./page",
    "/thief//page",
    "/thief/.*",
    "/thief/(.+)",
    "/thief/{x}",
    "/thief/<int:x>",
    "/thief/*",
    "/thief/pa ge",
    "/thief/pa\nge",
    "/thief/pa\x00ge",
    "/thief/\u202egaap",
    "/Thief/page",
    "thief/page",
    "/thief/" + "x" * 1_000_000,
    "",
]


def _too_many_routes() -> bytes:
    """Answer 100,000 routes, all empty: a list that lies in memory which nobody wrote to."""
    body = """
      (drop (memory.grow (i32.const 40)))
      (i32.store (i32.const 131072) (i32.const 131200)) (i32.store (i32.const 131076) (i32.const 5))
      (i32.store (i32.const 131200) (i32.const 0x65696874)) (i32.store8 (i32.const 131204) (i32.const 0x66))
      (i32.store (i32.const 131088) (i32.const 131328)) (i32.store (i32.const 131092) (i32.const 100000))
      (i32.const 131072)"""
    return plugin_component("thief", manifest_body=body)


def _refused_in_s(data: bytes) -> float:
    """Verify bytes whose code is compiled already, and return how long the refusal took."""
    with suppress(PluginError):
        verify_bytes(data, name="thief")
    started = time.monotonic()
    with pytest.raises((ManifestError, LimitExceeded)):
        verify_bytes(data, name="thief")
    return time.monotonic() - started


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:40].encode("unicode_escape").decode() or "empty")
def test_s3_16_a_path_that_is_not_the_plugins_own_is_refused(path: str) -> None:
    install(_miru())
    assert _refused_in_s(_miru("thief", path)) < 1  # a quarter of a second on a machine that does nothing else
    assert not Route.objects.exclude(plugin__name="miru").exists()
    assert _incumbent_is_untouched()


def test_s3_16_a_hundred_thousand_routes_are_refused() -> None:
    assert _refused_in_s(_too_many_routes()) < 3


def test_s3_16_a_route_that_is_declared_twice_is_refused() -> None:
    handler = json_handler(ok("{}"))
    twice = [route("/thief/a", handler), route("/thief/a", handler)]
    assert _refused_in_s(plugin_component("thief", routes=twice)) < 1


@pytest.mark.parametrize("kind", ["hooks", "routes", "tasks"])
def test_s3_16_more_than_64_of_a_kind_are_refused(kind: str) -> None:
    names = [f"n-{number}" for number in range(65)]
    handler = json_handler(ok("{}"))
    data = {
        "hooks": lambda: plugin_component("thief", hooks=dict.fromkeys(names, handler)),
        "routes": lambda: plugin_component("thief", routes=[route(f"/thief/{name}", handler) for name in names]),
        "tasks": lambda: plugin_component("thief", tasks=dict.fromkeys(names, handler)),
    }[kind]()
    assert _refused_in_s(data) < 1


@pytest.mark.parametrize("method", ["*", "CONNECT", "get", "GET,POST", ""])
def test_s3_16_a_method_that_no_route_may_have_is_refused(method: str) -> None:
    toml = f'[routes."/thief/page"]\nmethods = ["{method}"]\n'
    data = plugin_component("thief", routes=[route("/thief/page", json_handler(ok("{}")))], toml=toml)
    assert _refused_in_s(data) < 1


def test_s3_16_a_route_that_the_incumbent_had_first_stays_its_own() -> None:
    """As two names could share a path after a change of the rules: who was there first keeps it."""
    plugin = install(_miru())
    Route.objects.create(plugin=plugin, path="/thief/page", handler="page")
    with pytest.raises(ManifestError):
        record_upload(_miru("thief", "/thief/page"))
    assert _incumbent_is_untouched()


# S3-17

FIELDS = ("title", "description", "author", "homepage", "license", "version")
ABUSE = {
    "script": "<script>alert(1)</script>",
    "right to left": "safe \u202egnp.exe",
    "zero width": "mi\u200bru",
    "newline": "one\ntwo",
    "escape": "\u001b[2J",
    "NUL": "\u0000",
    "format": "{0.__class__} %s {{7*7}} {% load x %}",
    "10^5 characters": "x" * 100_000,
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("abuse", ABUSE)
def test_s3_17_text_is_refused_or_escaped_and_the_pages_stay_intact(abuse: str, field: str, root: Staff) -> None:
    text = ABUSE[abuse]
    told = f"https://x.example/{text}" if field == "homepage" else text
    data = plugin_component("writer", toml=f"{field} = {json.dumps(told)}\n")
    storage.put_upload("writer", data)
    (outcome,) = sync().outcomes
    if outcome.result == "refused":
        assert outcome.code == ManifestError.code
        assert len(outcome.problem) < 500
    plugin = Plugin.objects.get()
    for page in (LIST, page_of(plugin), f"/admin/wasm_plugins/pluginversion/{plugin.versions.get().pk}/change/"):
        html = text_of(root.get(page))
        assert "<script>alert" not in html
        assert "\u202e" not in html
        assert "\u200b" not in html
        assert "\x1b" not in html
        assert len(html) < 200_000
    if outcome.result == "verified":
        assert abuse in ("script", "format", "newline")


@pytest.mark.parametrize("abuse", ABUSE)
def test_s3_17_names_cannot_be_abused_at_all(abuse: str) -> None:
    for data in (
        plugin_component(ABUSE[abuse][:3_000] + "!"),
        plugin_component("writer", tasks={}, manifest_body=None, toml=f"[tasks.{json.dumps(ABUSE[abuse])}]\n"),
    ):
        with pytest.raises((ManifestError, LinkError)):
            record_upload(data)


@pytest.mark.parametrize("title", ["mіru", "Ꮇiru", "Miru ｍiru2"])
def test_s3_17_a_text_that_mixes_alphabets_is_a_finding(title: str) -> None:
    version = record_upload(plugin_component("thief", toml=f"title = {json.dumps(title, ensure_ascii=False)}\n"))
    assert len(version.findings) == 1


@pytest.mark.parametrize("title", ["Miru", "Мир", "ミル plugin", "Ærø café"])
def test_s3_17_a_text_in_one_alphabet_is_none(title: str) -> None:
    version = record_upload(plugin_component("thief", toml=f"title = {json.dumps(title, ensure_ascii=False)}\n"))
    assert version.findings == []


# S3-18


SEED = HostImport("wasi:random/insecure-seed@0.2.0", "insecure-seed", "(result (tuple u64 u64))", core_params=1)


@dataclass(frozen=True)
class _Seed:
    """A step that only brings its import along."""

    imported: HostImport = SEED


def _unstable() -> bytes:
    """Answer with a name of four random letters, each a good name."""
    body = """
      (drop (memory.grow (i32.const 4)))
      (call $host-insecure-seed (i32.const 131072))
      (i32.store (i32.const 131200)
        (i32.add (i32.const 0x61616161) (i32.and (i32.load (i32.const 131072)) (i32.const 0x0f0f0f0f))))
      (i32.store (i32.const 131328) (i32.const 131200)) (i32.store (i32.const 131332) (i32.const 4))
      (i32.const 131328)"""
    dice = json_handler(lambda memory, shape: ("unreachable", (_Seed(),)))  # type: ignore[arg-type,return-value]
    return plugin_component("name", exports={"dice": dice}, manifest_body=body)


SEEN_BY = """
import django
django.setup()
from wasm_plugins.registry import find_snapshot
print(sorted(find_snapshot().hooks))
"""


def test_s3_18_a_manifest_that_changes_with_every_asking_is_refused() -> None:
    with pytest.raises(ManifestError) as caught:
        record_upload(_unstable())
    assert caught.value.field == "get-manifest"
    assert not PluginVersion.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_s3_18_every_process_goes_by_the_manifest_that_was_stored(child_environment: dict[str, str]) -> None:
    plugin = install(plugin_component("greeter", hooks={"order-placed": text_hook(ok(""))}))
    command = [sys.executable, "-c", SEEN_BY]
    done = subprocess.run(
        command, cwd=ROOT, env=child_environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "['order-placed']"
    lifecycle.disable(plugin)


def test_s3_18_a_second_look_at_the_same_bytes_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    install(_miru())
    monkeypatch.setattr("wasm_plugins.recording.verify_bytes", lambda *_, **__: pytest.fail("it was asked again"))
    storage.put_upload("miru", _miru())
    assert [each.version for each in sync().outcomes] == [1]
