"""Uploading through the API: the report, what is refused, and how much is taken."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from pytest_django import Settings

from tests.admin.plugins import greeter, writer
from tests.api.asked import ALL, AUTHOR, Program, code_of, user_with
from tests.components import plugin_component
from tests.installed import install
from wasm_plugins.api import bodies, uploads
from wasm_plugins.models import AuditEntry, Plugin, PluginVersion
from wasm_plugins.sync import sync

pytestmark = pytest.mark.django_db


def test_an_upload_is_answered_with_the_report_and_stays_off(author: Program) -> None:
    response = author.upload(greeter())
    assert response.status_code == 201
    answer = response.json()
    version = PluginVersion.objects.get()
    assert (answer["state"], answer["is_enabled"], answer["is_new"]) == ("off", False, True)
    assert "plugins enable greeter" in answer["not_called"]
    report = answer["report"]
    assert (report["plugin"], report["version"], report["digest"]) == ("greeter", 1, version.digest)
    assert (report["state"], report["error"], report["is_current"]) == ("verified", None, True)
    assert report["serves"] == {
        "hooks": ["order-placed"],
        "routes": [{"path": "/greeter/hello", "url": "/plugins/greeter/hello"}],
        "tasks": ["greet"],
    }
    assert version.uploaded_by == author.user


def test_the_same_bytes_again_are_the_same_version(author: Program) -> None:
    author.upload(greeter())
    again = author.upload(greeter())
    assert (again.status_code, again.json()["is_new"], again.json()["report"]["version"]) == (200, False, 1)


def test_a_report_says_what_is_asked_for_and_what_is_missing(author: Program) -> None:
    report = author.upload(writer(), "writer").json()["report"]
    scope = {"tables": {"shop_order": ["select"]}}
    wish = {"capability": "database", "asked": scope, "granted": None, "is_granted": False}
    assert (report["wishes"], report["missing_grants"]) == ([wish], ["database"])


def test_a_later_version_waits(author: Program) -> None:
    install(greeter())
    answer = author.upload(greeter("2")).json()
    assert (answer["waiting_version"], answer["report"]["is_current"], answer["state"]) == (2, False, "running")


def test_what_no_host_takes_is_told_in_the_hosts_words(author: Program) -> None:
    refused = author.upload(b"<html>")
    assert code_of(refused) == (422, "compile-error")
    assert not Plugin.objects.exists()
    assert AuditEntry.objects.get(act="upload").outcome == "compile-error"


def test_the_name_in_the_address_must_be_that_of_the_manifest(author: Program) -> None:
    assert code_of(author.upload(greeter(), "shipping")) == (422, "manifest-error")
    assert code_of(author.upload(greeter(), "Greeter_X")) == (422, "manifest-error")
    assert not Plugin.objects.exists()


def test_every_act_is_audited_with_its_token_and_never_with_the_secret(author: Program) -> None:
    author.upload(greeter())
    author.enable(1)
    entries = AuditEntry.objects.exclude(act="token-made")
    assert {entry.act for entry in entries} == {"upload", "switch", "enable"}
    assert {entry.details["token"] for entry in entries} == {author.token.key}
    assert {entry.user for entry in entries} == {author.user}
    assert author.secret not in str(list(AuditEntry.objects.values()))


def test_an_act_that_no_token_did_names_none(author: Program) -> None:
    author.upload(greeter())
    install(writer(), grants={"database": {}})
    assert all("token" not in entry.details for entry in AuditEntry.objects.filter(plugin="writer"))


def test_more_than_the_limit_is_refused_before_it_is_read(author: Program, settings: Settings) -> None:
    settings.WASM_PLUGINS_COMPONENT_BYTES = 1_000
    assert code_of(author.upload(bytes(1_001))) == (413, "body-too-large")
    assert code_of(author.upload(b"", CONTENT_LENGTH=str(10**15))) == (413, "body-too-large")
    assert [entry.outcome for entry in AuditEntry.objects.filter(act="upload")] == ["body-too-large"] * 2


def test_a_form_of_the_admin_is_no_component(author: Program) -> None:
    kind = "multipart/form-data; boundary=b"
    assert code_of(author.upload(b"--b\r\n\r\n--b--\r\n", content_type=kind)) == (422, "compile-error")


def test_a_component_may_be_larger_than_djangos_limit_on_forms(author: Program, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert author.upload(greeter()).status_code == 201


def test_post_is_as_good_as_put(author: Program) -> None:
    assert author.ask("POST", "plugins/greeter/component/", greeter()).status_code == 201


def test_so_many_uploads_a_minute_and_no_more_taken_or_refused(author: Program, settings: Settings) -> None:
    settings.WASM_PLUGINS_API_UPLOADS_PER_MINUTE = 2
    author.upload(greeter())
    author.upload(b"<html>")
    for _ in range(3):
        late = author.upload(greeter())
        assert code_of(late) == (429, "too-many-requests")
    assert late["Retry-After"] == "60"
    assert AuditEntry.objects.filter(act="upload").count() == 2
    assert Program(user_with(*AUTHOR, name="another")).upload(greeter()).status_code == 200


def test_no_more_uploads_at_once_than_may(author: Program, settings: Settings) -> None:
    settings.WASM_PLUGINS_API_CONCURRENT_UPLOADS = 1
    with uploads.room.one(0):
        busy = author.upload(greeter())
    assert code_of(busy) == (503, "server-busy")
    assert int(busy["Retry-After"]) > 0
    assert author.upload(greeter()).status_code == 201


def test_a_place_is_given_back_however_an_upload_ends(author: Program, settings: Settings) -> None:
    settings.WASM_PLUGINS_API_CONCURRENT_UPLOADS = 1
    for _ in range(3):
        assert code_of(author.upload(b"<html>"))[0] == 422
    assert author.upload(greeter()).status_code == 201
    assert isinstance(uploads.room._lock, type(threading.Lock()))


def test_one_user_takes_one_place(author: Program) -> None:
    with uploads.room.one(author.user.pk):
        assert code_of(author.upload(greeter())) == (503, "server-busy")
        assert Program(user_with(*AUTHOR, name="another")).upload(greeter()).status_code == 201
    assert author.upload(greeter()).status_code == 200


class _Slow:
    """A body that comes a byte at a time, for ten seconds at most."""

    def __init__(self) -> None:
        self._left = 500

    def read(self, size: int = -1) -> bytes:
        """Return the next byte, after a while."""
        self._left -= 1
        time.sleep(0.02)
        return b"x" if self._left > 0 else b""

    readline = read  # which Django wants to have


def test_who_sends_slowly_meets_a_deadline(author: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_S", 0.2)
    slow = _Slow()
    extra: Any = {"CONTENT_LENGTH": "100000", "wsgi.input": slow}
    refused = author.upload(b"", **extra)
    assert code_of(refused) == (400, "body-unreadable")
    assert slow._left > 400
    assert author.upload(greeter()).status_code == 201


@pytest.mark.parametrize("lacking", ["act", "permission", None])
def test_a_version_goes_live_by_itself_only_if_the_token_could_have_enabled_it(
    author: Program, settings: Settings, lacking: str | None
) -> None:
    settings.WASM_PLUGINS_UPGRADES = "same-capabilities"
    install(greeter())
    acts = [act for act in ALL if act != "enable"] if lacking == "act" else ALL
    user = user_with("upload_plugin", name="ci") if lacking == "permission" else author.user
    answer = Program(user, acts=acts).upload(greeter("2")).json()
    sync()  # which finds the object in storage, and must not do by itself what the token could not
    assert answer["waiting_version"] == (2 if lacking else None)
    version = Plugin.objects.get().current_version
    assert version is not None and version.number == (1 if lacking else 2)


def test_in_safe_mode_nothing_is_taken(author: Program, settings: Settings) -> None:
    settings.WASM_PLUGINS_SAFE_MODE = True
    assert code_of(author.upload(greeter())) == (503, "safe-mode")


def test_what_the_storage_says_is_not_for_authors(
    author: Program, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": "/proc/secret-place"}}
    settings.STORAGES = {**settings.STORAGES, "plugins": storage}
    refused = author.upload(plugin_component("kept", hooks={}), "kept")
    assert code_of(refused) == (503, "artifact-error")
    assert b"secret-place" not in refused.content
    assert "secret-place" in caplog.text
