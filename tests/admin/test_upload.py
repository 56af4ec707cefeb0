"""Uploading in the admin: what is no plugin leaves nothing behind, what is one is recorded and stays off."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import Settings

from tests.admin.pages import UPLOAD, Staff, levels_of, page_of, step_of, text_of
from tests.admin.plugins import IMG, greeter, reader, writer
from tests.components import json_handler, ok, plugin_component
from tests.installed import install
from wasm_plugins.admin.refusals import MEANINGS
from wasm_plugins.models import AuditEntry, Plugin, PluginVersion, StoredObject
from wasm_plugins.runtime.compiler import digest_of

pytestmark = pytest.mark.django_db

BAD: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "core module": lambda: b"\0asm\x01\0\0\0",
    "text format": lambda: b"(component)",
    "html": lambda: b"<!doctype html><script>alert(1)</script>",
    "truncated": lambda: greeter()[:-100],
    "garbage": lambda: b"\0asm\x0d\0\x01\0" + b"\xff" * 64,
    "no manifest": lambda: plugin_component("greeter", manifest_interface=None),
    "bad name": lambda: plugin_component("../../etc/passwd"),
    "hostile name": lambda: plugin_component(IMG),
    "reserved name": lambda: plugin_component("admin"),
    "unknown import": lambda: plugin_component("greeter", head='(import "read" (func))'),
    "lying manifest": lambda: plugin_component("greeter", tasks={"greet": json_handler(ok("{}"))}, without=["greet"]),
    "lying plugin.toml": lambda: greeter(toml="[tasks.other]\nmax_retries = 1\n"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_plugin_is_refused_at_the_field_and_nothing_is_recorded(
    uploader: Staff, plugin_folder: Path, kind: str
) -> None:
    response = uploader.upload(BAD[kind]())
    page = text_of(response)
    assert 'id="id_component_error"' in page
    assert "<img src=x" not in page
    assert _nothing_is_recorded(plugin_folder)
    assert uploader.history() == []


def test_no_file_at_all_is_refused_at_the_field(uploader: Staff, plugin_folder: Path) -> None:
    assert 'id="id_component_error"' in text_of(uploader.post(UPLOAD))
    assert _nothing_is_recorded(plugin_folder)


def test_a_file_over_the_limit_is_refused_with_the_limit(
    uploader: Staff, plugin_folder: Path, settings: Settings
) -> None:
    settings.WASM_PLUGINS_COMPONENT_BYTES = 1_000
    assert "component_bytes" in text_of(uploader.upload(greeter()))
    assert _nothing_is_recorded(plugin_folder)


def test_a_good_upload_goes_on_to_its_report_and_stays_off(uploader: Staff) -> None:
    response = uploader.upload(writer(), name="../whatever.wasm.html")
    plugin = Plugin.objects.get()
    version = plugin.versions.get()
    assert (response.status_code, response["Location"]) == (302, step_of("report", version))
    assert (plugin.name, plugin.is_enabled, plugin.current_version) == ("writer", False, version)
    assert levels_of(response) == ["success"]
    for url in (page_of(plugin), step_of("report", version)):
        page = text_of(uploader.get(url))
        for part in (version.digest, "transactions-manager/transaction", "write: func(input: string)", "1.7\xa0KB"):
            assert part in page
    assert len(uploader.history()) == 1


def test_a_script_that_uploads_is_told_where_to_go_on(uploader: Staff) -> None:
    data = {"component": SimpleUploadedFile("writer.wasm", writer())}
    response = uploader.client.post(UPLOAD, data, headers={"Accept": "application/json, text/html"})
    assert response.json() == {"next": step_of("report", PluginVersion.objects.get())}


@pytest.mark.parametrize("kind", ["core module", "unknown import", "bad name", "no manifest", "lying plugin.toml"])
def test_a_refused_upload_says_what_that_means_and_has_a_text_for_its_author(uploader: Staff, kind: str) -> None:
    data = BAD[kind]()
    page = text_of(uploader.upload(data, name="from-ada.wasm"))
    code = AuditEntry.objects.get(act="upload").outcome
    letter = re.search(r'<textarea id="author-text"[^>]*readonly[^>]*>\s*(.*?)</textarea>', page, re.DOTALL)
    assert str(MEANINGS[code].means) in unescape(page)
    assert str(MEANINGS[code].todo) in unescape(page)
    assert letter is not None
    assert all(part in letter[1] for part in (digest_of(data), str(len(data)), code))


def test_the_text_for_the_author_says_what_this_site_offers_where_something_did_not_fit(uploader: Staff) -> None:
    page = text_of(uploader.upload(BAD["unknown import"]()))
    assert "plugins-manager:transactions-manager/transaction" in page
    assert "order-placed: func(" in page
    assert "wasi:filesystem" not in page


def test_a_finding_about_an_upload_is_shown_on_the_plugins_page(uploader: Staff) -> None:
    uploader.upload(reader())
    PluginVersion.objects.update(findings=["exports extra, which nothing declares"])
    assert "exports extra, which nothing declares" in text_of(uploader.get(page_of(Plugin.objects.get())))


def test_a_newer_version_of_a_plugin_that_is_on_waits(uploader: Staff) -> None:
    plugin = install(reader())
    uploader.upload(reader("2"))
    plugin.refresh_from_db()
    assert plugin.is_enabled
    assert plugin.current_version == plugin.versions.get(number=1)
    assert 'id="waiting-heading"' in text_of(uploader.get(page_of(plugin)))


def test_the_same_file_twice_is_one_version(uploader: Staff) -> None:
    assert [uploader.upload(reader()).status_code for _ in range(2)] == [302, 302]
    assert PluginVersion.objects.count() == 1


def test_who_may_only_upload_cannot_enable_grant_or_tune_what_was_uploaded(uploader: Staff) -> None:
    uploader.upload(writer())
    plugin = Plugin.objects.get()
    for act in ("enable", "use-version", "grant-requested", "approve"):
        assert uploader.act(plugin, act, number=1).status_code == 403
    assert uploader.post(page_of(plugin), {"grants-TOTAL_FORMS": "0"}).status_code == 403
    assert not plugin.grants.exists()


def _nothing_is_recorded(plugin_folder: Path) -> bool:
    is_stored = any(path.is_file() for path in plugin_folder.rglob("*"))
    return not (is_stored or Plugin.objects.exists() or PluginVersion.objects.exists() or StoredObject.objects.exists())
