"""The page of the sync: says what it would do and does nothing, then does it, and knows what each process serves."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.template.defaultfilters import filesizeformat
from django.utils.timezone import now
from pytest_django import Settings

from tests.admin.pages import SYNC, Staff, step_of, text_of, words_of
from tests.admin.plugins import greeter
from wasm_plugins import processes, storage
from wasm_plugins.manager import get_plugin_manager
from wasm_plugins.models import AuditEntry, Generation, Plugin, PluginVersion, ServingProcess, StoredObject

pytestmark = pytest.mark.django_db


def test_it_says_what_a_sync_would_do_and_does_nothing(uploader: Staff) -> None:
    storage.put_upload("greeter", greeter())
    storage.put_upload("NO PLUGIN", b"x")
    StoredObject.objects.create(key="plugins/gone.wasm", fingerprint="x", size_bytes=7)
    page = words_of(uploader.get(SYNC))
    assert "would do something about 3 objects" in page
    size = filesizeformat(len(greeter()))
    for part in (
        f"plugins/greeter.wasm {size} greeter fetch it, check it and record the verdict: it is new here",
        "plugins/NO PLUGIN.wasm 1 byte – note that it cannot be a plugin",
        "plugins/gone.wasm 7 bytes – forget it",
    ):
        assert part.replace("\xa0", " ") in page.replace("\xa0", " "), part
    assert not Plugin.objects.exists()
    assert StoredObject.objects.count() == 1
    assert not AuditEntry.objects.filter(act="sync").exists()


def test_it_then_does_it_and_says_what_became_of_each_object(uploader: Staff) -> None:
    storage.put_upload("greeter", greeter())
    storage.put_upload("broken", b"<html>")
    response = uploader.post(SYNC)
    page = text_of(response)
    version = PluginVersion.objects.get(plugin__name="greeter")
    assert "2 objects in storage: 2 changed, 1 refused, 0 gone." in page
    assert step_of("report", version) in page
    assert step_of("report", PluginVersion.objects.get(plugin__name="broken")) in page
    assert not version.plugin.is_enabled
    assert len(uploader.history()) == 2
    page = words_of(uploader.get(SYNC))
    assert "a sync would change nothing" in page
    assert "1 unchanged" not in page
    uploader.post(SYNC)
    assert len(uploader.history()) == 2


def test_what_was_refused_is_checked_once_more_if_that_is_asked_for(uploader: Staff) -> None:
    storage.put_upload("greeter", greeter()[:-100])
    uploader.post(SYNC)
    assert "refused" not in words_of(uploader.post(SYNC)).partition("What each process")[0].partition("What became")[2]
    assert "refused" in words_of(uploader.post(SYNC, {"again": "on"})).partition("What became")[2]


def test_a_storage_that_does_not_answer_is_said_on_the_page(uploader: Staff, settings: Settings) -> None:
    settings.STORAGES = {**settings.STORAGES, "plugins": {"BACKEND": "no.such.Storage"}}
    for response in (uploader.get(SYNC), uploader.post(SYNC)):
        assert 'class="errornote"' in text_of(response)


def test_each_process_says_which_generation_it_serves(uploader: Staff, settings: Settings) -> None:
    settings.WASM_PLUGINS_PROCESS_REPORT_S = 60
    processes._voice.reset()
    Generation.bump()
    get_plugin_manager().reload()
    row = ServingProcess.objects.get()
    assert (row.generation, row.token) == (Generation.current_state().number, Generation.current_token())
    page = words_of(uploader.get(SYNC))
    assert f"{row.host} {row.pid} {row.program} {row.generation} (now)" in page
    Generation.bump()
    assert f"{row.generation} (when it was last heard of)" in words_of(uploader.get(SYNC))


def test_processes_that_say_nothing_are_counted_then_forgotten(uploader: Staff, settings: Settings) -> None:
    settings.WASM_PLUGINS_PROCESS_REPORT_S = 60
    said = {"host": "h", "program": "p", "generation": 1, "loaded_at": now()}
    ServingProcess.objects.create(id=uuid4(), pid=1, seen_at=now() - timedelta(hours=1), **said)
    ServingProcess.objects.create(id=uuid4(), pid=2, seen_at=now() - timedelta(hours=25), **said)
    assert "2 more have said nothing for longer." in words_of(uploader.get(SYNC))
    processes._voice.reset()
    Generation.bump()
    get_plugin_manager().reload()
    assert sorted(ServingProcess.objects.exclude(host__gt="h").values_list("pid", flat=True)) == [1]
