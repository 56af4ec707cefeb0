"""Hostile objects in storage: what was hashed is what is compiled, and nothing that nobody asked for ever runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from pytest_django import Settings

from tests.components import json_handler, ok, plugin_component, sql, text_hook
from tests.hostile.bad_s3 import BadS3, Request, bad_s3, use
from tests.installed import install, tables
from tests.signed import ADA, BOB, public, signed
from wasm_plugins import components, lifecycle, storage
from wasm_plugins.exceptions import ArtifactError, CompileError, ManifestError, PluginNotFound, SignatureRefused
from wasm_plugins.keyring import revoke_key, trust_key
from wasm_plugins.manager import get_plugin_manager
from wasm_plugins.models import Grant, Plugin, PluginVersion, StoredObject
from wasm_plugins.registry import find_snapshot
from wasm_plugins.runtime.compiler import digest_of
from wasm_plugins.runtime.sections import append_section
from wasm_plugins.sync import record_upload, sync
from wasm_plugins.sync_report import Outcome

pytestmark = [pytest.mark.django_db, pytest.mark.canary_after]

KEY = "plugins/greeter.wasm"
VERIFIED, REFUSED = PluginVersion.State.VERIFIED, PluginVersion.State.REFUSED


@pytest.fixture
def s3(settings: Settings) -> Iterator[BadS3]:
    """A bad S3 server as ``STORAGES["plugins"]``, which gives up after a second of silence."""
    settings.WASM_PLUGINS_STORAGE_SILENCE_S = 1
    with bad_s3() as server:
        use(settings, server)
        yield server


def _greeter(salt: str = "", answer: str = "hello") -> bytes:
    return plugin_component("greeter", hooks={"order-placed": text_hook(ok(answer))}, salt=salt)


def _answers() -> list[object]:
    return [each.value for each in get_plugin_manager().call_hook_dynamic("order-placed", 1, "")]


def _outcome(key: str = KEY) -> Outcome:
    return next(each for each in sync().outcomes if each.key == key)


def _serves_the_first_version() -> bool:
    return _answers() == ["hello"] and find_snapshot().plugins["greeter"].version == 1


# S3-01


@pytest.mark.parametrize("at", [8, 100, 500, -1])
def test_s3_01_a_flipped_bit_in_a_kept_copy_is_refused_and_the_last_good_stays(at: int, plugin_folder: Path) -> None:
    install(_greeter())
    digest = digest_of(_greeter("flipped"))
    record_upload(_greeter("flipped"))
    path = plugin_folder / "artifacts" / f"{digest}.wasm"
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArtifactError):
        storage.read_kept(digest)
    assert _serves_the_first_version()


def test_s3_01_a_flipped_bit_in_a_signed_upload_is_refused_and_the_last_good_stays(
    s3: BadS3, settings: Settings
) -> None:
    settings.WASM_PLUGINS_SIGNATURES = "enforce"
    settings.WASM_PLUGINS_UPGRADES = "signed"
    trust_key("Ada", public(ADA))
    install(signed(_greeter()))
    data = bytearray(signed(_greeter("2"), number=2))
    data[200] ^= 1
    s3.objects[KEY] = bytes(data)  # the ETag is that of the changed bytes
    outcome = _outcome()
    assert (outcome.result, outcome.code) == ("refused", SignatureRefused.code)
    assert StoredObject.objects.get(key=KEY).version is not None
    assert _serves_the_first_version()


# S3-02

SIGNATURES = {
    "none": _greeter("2"),
    "other key": signed(_greeter("2"), number=2, key=BOB),
    "revoked key": signed(_greeter("2"), number=2, key=ADA),
    "another plugin's statement": signed(_greeter("2"), name="other", number=2, key=BOB),
    "statement for another sha": _greeter("2") + signed(_greeter("3"))[len(_greeter("3")) :],
    "a trailing section": append_section(signed(_greeter("2"), number=2), "salt", b"x"),
    "trailing bytes": signed(_greeter("2"), number=2) + b"\0" * 7,
    "two signatures": signed(_greeter("2")) + signed(_greeter("2"))[len(_greeter("2")) :],
}


@pytest.mark.parametrize("by", ["storage", "upload"])
@pytest.mark.parametrize("stimulus", SIGNATURES)
def test_s3_02_a_bad_signature_is_refused(stimulus: str, by: str, settings: Settings) -> None:
    ada, carol = trust_key("Ada", public(ADA)), public(BOB)
    install(signed(_greeter()))
    settings.WASM_PLUGINS_SIGNATURES = "enforce"
    settings.WASM_PLUGINS_UPGRADES = "signed"
    if stimulus == "revoked key":
        revoke_key(ada)
    if stimulus == "another plugin's statement":
        trust_key("Carol", carol)
    data = SIGNATURES[stimulus]
    if by == "upload":
        with pytest.raises((SignatureRefused, CompileError)):
            record_upload(data)
        assert PluginVersion.objects.count() == 1
    else:
        storage.put_upload("greeter", data)
        assert _outcome().result == "refused"
        assert PluginVersion.objects.get(number=2).state == REFUSED
    if stimulus != "revoked key":
        assert _serves_the_first_version()


# S3-04


def test_s3_04_an_object_that_is_swapped_between_listing_and_reading_is_recorded_as_what_was_read(s3: BadS3) -> None:
    s3.objects[KEY] = _greeter("listed")

    def swap(request: Request) -> bool:
        if request.command == "GET" and request.key == KEY:
            s3.objects[KEY] = _greeter("swapped")
        return False

    s3.act = swap
    assert _outcome().result == "verified"
    version = PluginVersion.objects.get()
    assert version.digest == digest_of(_greeter("swapped"))
    assert storage.read_kept(version.digest) == _greeter("swapped")
    s3.act = None
    assert _outcome().version == 1  # the new ETag is looked at, and is the same content


def test_s3_04_an_object_that_is_swapped_between_hash_and_compile_is_compiled_as_it_was_hashed(
    s3: BadS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes are read once: a second read, or a second answer, would find the evil ones."""
    good, evil = _greeter("", "hello"), _greeter("", "evil")
    s3.objects[KEY] = good
    install_key = f"artifacts/{digest_of(good)}.wasm"

    def swap(request: Request) -> bool:
        if request.command == "PUT" and request.key == install_key:
            s3.objects[KEY] = evil
        return False

    s3.act = swap
    assert _outcome().result == "verified"
    lifecycle.enable(Plugin.objects.get())
    s3.objects[install_key] = evil
    components.forget(keep=())
    assert _answers() == ["hello"]
    assert len([1 for method, key in s3.asked if (method, key) == ("GET", KEY)]) == 1


def test_s3_04_a_kept_copy_that_was_swapped_is_refused_when_it_must_be_compiled(
    s3: BadS3, settings: Settings, tmp_path: Path
) -> None:
    install(_greeter())
    settings.WASM_PLUGINS_CACHE_DIR = tmp_path / "another machine"
    components.forget(keep=())
    s3.objects[f"artifacts/{digest_of(_greeter())}.wasm"] = _greeter("", "evil")
    with pytest.raises(ArtifactError):
        _answers()


def test_s3_04_a_download_that_is_cut_is_tried_again_and_then_shown(s3: BadS3) -> None:
    install(_greeter())
    s3.objects[KEY] = _greeter("2")

    def cut(request: Request) -> bool:
        if request.command == "GET" and request.key == KEY:
            data = s3.objects[KEY]
            request.send_response(200)
            request.send_header("Content-Length", str(len(data)))
            request.send_header("ETag", '"x"')
            request.end_headers()
            request.wfile.write(data[: len(data) // 2])
            return True
        return False

    s3.act = cut
    outcome = _outcome()
    assert (outcome.result, outcome.code) == ("problem", ArtifactError.code)
    assert _serves_the_first_version()
    s3.act = None
    assert _outcome().result == "verified"


# S3-05


def test_s3_05_an_object_that_no_row_names_is_found_and_off(settings: Settings) -> None:
    settings.WASM_PLUGINS_UPGRADES = "same-capabilities"
    evil = plugin_component(
        "evil", hooks={"order-placed": text_hook(ok("evil"))}, tasks={"write": json_handler(ok("{}"))}
    )
    storage.put_upload("evil", evil)
    assert _outcome("plugins/evil.wasm").result == "verified"
    assert not Plugin.objects.get(name="evil").is_enabled
    assert "evil" not in find_snapshot().plugins
    assert _answers() == []
    with pytest.raises(PluginNotFound):
        get_plugin_manager().execute_task("evil/write")
    storage.put_upload("evil", plugin_component("evil", salt="2"))
    sync()
    assert "evil" not in find_snapshot().plugins


# S3-06

MORE = '[capabilities.database.tables]\nshop_order = ["select", "delete"]\nauth_group = ["select"]\n'


@pytest.mark.parametrize("upgrades", ["approve", "same-capabilities", "signed"])
def test_s3_06_a_signed_version_that_asks_for_more_waits_and_the_old_one_serves(
    upgrades: str, settings: Settings
) -> None:
    settings.WASM_PLUGINS_UPGRADES = upgrades
    settings.WASM_PLUGINS_SIGNATURES = "enforce"
    trust_key("Ada", public(ADA))
    hook = text_hook(ok("hello", first=[sql("SELECT 1")]))
    before = plugin_component("greeter", hooks={"order-placed": hook}, toml=MORE.partition("auth")[0])
    after = plugin_component("greeter", hooks={"order-placed": hook}, toml=MORE)
    scopes = {"tables": {"shop_order": ["select", "delete"]}}
    wider = {"tables": {**scopes["tables"], "auth_group": ["select"]}}
    plugin = install(signed(before, capabilities={"database": scopes}), grants=tables(shop_order=["select", "delete"]))
    storage.put_upload("greeter", signed(after, number=2, capabilities={"database": wider}))
    outcome = _outcome()
    assert (outcome.result, outcome.is_switched) == ("verified", False)
    assert find_snapshot().plugins["greeter"].version == 1
    assert Grant.objects.get(plugin=plugin).scope == scopes


# S3-07

CORE_MODULE = b"\0asm\1\0\0\0"
JUNK = {
    "0 bytes": b"",
    "truncated": _greeter()[:-20],
    "random": bytes(range(256)) * 40,
    "random after the preamble": b"\0asm\x0d\0\1\0" + bytes(range(255, 0, -1)) * 40,
    "HTML error page": b"<!doctype html><title>403 Forbidden</title>",
    "XML error": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "text format": b"(component)",
    "core module": CORE_MODULE + b"\0\5\4name",
    "cwasm": b"\x7fELF\2\1\1\xc8" + bytes(500),
    "ELF": b"\x7fELF\2\1\1\0" + bytes(500),
    "zip": b"PK\3\4" + bytes(500),
    "gzip": b"\x1f\x8b\x08" + bytes(500),
    "custom section of 7 MiB": append_section(_greeter(), "padding", bytes(7 * 1024 * 1024)),
}


@pytest.mark.parametrize("stimulus", JUNK)
def test_s3_07_junk_is_refused_with_its_reason_and_all_others_load(stimulus: str) -> None:
    storage.put_upload("aaa", JUNK[stimulus])
    storage.put_upload("greeter", _greeter())
    record_upload(plugin_component("other", salt="warms up what a compiler reads"))
    started = time.monotonic()
    outcomes = {each.key: each for each in sync().outcomes}
    took_s = time.monotonic() - started
    refused = outcomes["plugins/aaa.wasm"]
    assert refused.result in ("refused", "problem")
    assert refused.problem
    assert refused.code in (CompileError.code, ManifestError.code)
    assert outcomes["plugins/greeter.wasm"].result == "verified"
    assert took_s < 10  # one second for each of the two, on a machine that does nothing else


def test_s3_07_a_real_compiled_artifact_is_no_component() -> None:
    record_upload(_greeter())
    cache = components.compiled_cache().folder
    code = next(cache.glob(f"{digest_of(_greeter())}-*.cwasm")).read_bytes()
    with pytest.raises(CompileError):
        record_upload(code)


# S3-08


def test_s3_08_an_object_that_says_it_is_huge_is_never_read(s3: BadS3) -> None:
    s3.objects[KEY], s3.sizes[KEY] = _greeter(), 5 * 1024**3
    outcome = _outcome()
    assert (outcome.result, outcome.code) == ("problem", ArtifactError.code)
    assert ("GET", KEY) not in s3.asked


def test_s3_08_an_object_that_says_it_is_small_and_has_no_end_is_cut_at_the_cap(
    s3: BadS3, settings: Settings, tmp_path: Path
) -> None:
    settings.WASM_PLUGINS_COMPONENT_BYTES = 1_000_000
    install(_greeter())
    s3.objects[KEY], s3.sizes[KEY] = _greeter("2"), 10_000
    sent = []

    def endless(request: Request) -> bool:
        if request.command == "GET" and request.key == KEY:
            request.send_response(200)
            request.send_header("Content-Length", str(5 * 1024**3))
            request.send_header("ETag", '"x"')
            request.end_headers()
            while not s3.stop.is_set():
                request.wfile.write(bytes(100_000))
                sent.append(100_000)
            return True
        return False

    s3.act = endless
    before = set(tmp_path.rglob("*"))
    outcome = _outcome()
    assert (outcome.result, outcome.code) == ("problem", ArtifactError.code)
    assert sum(sent) < 100_000_000  # what fits into the sockets' buffers beyond the cap
    assert set(tmp_path.rglob("*")) == before
    assert _serves_the_first_version()


# S3-10

ODD_KEYS = [
    "plugins/../../x.wasm",
    "plugins/a\nb.wasm",
    "plugins/d/",
    "plugins/d/deep.wasm",
    "plugins/../x.wasm",
    "plugins/e\u0301.wasm",
    "plugins/\u00e9.wasm",
    "plugins/" + "x" * 1_011 + ".wasm",
    "plugins//greeter.wasm",
    "plugins/GREETER.wasm",
    "plugins/greeter.wasm ",
    "plugins/%2e%2e%2fgreeter.wasm",
    "plugins/.wasm",
]


def test_s3_10_only_exact_keys_are_read_and_nothing_is_written_elsewhere(s3: BadS3, tmp_path: Path) -> None:
    s3.objects = {key: _greeter() for key in ODD_KEYS} | {KEY: _greeter()}
    before = set(tmp_path.rglob("*"))
    report = sync()
    assert {key for method, key in s3.asked if method == "GET" and key} == {KEY}
    assert [each.key for each in report.outcomes if each.result == "verified"] == [KEY]
    assert list(Plugin.objects.values_list("name", flat=True)) == ["greeter"]
    assert set(tmp_path.rglob("*")) == before
    written = {key for method, key in s3.asked if method == "PUT"}
    assert written == {f"artifacts/{digest_of(_greeter())}.wasm"}


def test_s3_10_a_listing_of_many_pages_is_read_whole(s3: BadS3) -> None:
    s3.objects = {f"plugins/Not-a-name-{number}.wasm": b"" for number in range(1_500)} | {KEY: _greeter()}
    report = sync()
    assert report.found == 1_501
    assert [each.key for each in report.outcomes if each.result == "verified"] == [KEY]


def test_s3_10_a_folder_with_odd_names_is_read_as_exactly(plugin_folder: Path) -> None:
    for name in ("a\nb.wasm", "e\u0301.wasm", "\u00e9.wasm", "GREETER.wasm", "x" * 200 + ".wasm"):
        (plugin_folder / "plugins").mkdir(parents=True, exist_ok=True)
        (plugin_folder / "plugins" / name).write_bytes(_greeter())
    storages["plugins"].save("plugins/d/greeter.wasm", ContentFile(_greeter()))
    assert {each.result for each in sync().outcomes} == {"problem"}
    assert not Plugin.objects.exists()
