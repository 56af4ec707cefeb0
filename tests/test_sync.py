"""From objects in storage to records, whatever lies there and however many look at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from django.core.files.storage import storages
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from project.stack.s3 import S3Plan
from tests.buckets import filled_bucket
from tests.components import (
    Function,
    err,
    json_handler,
    ok,
    plugin_component,
    route,
    silent_handler,
    spin,
    text_hook,
)
from wasm_plugins import lifecycle, recording, storage, verification
from wasm_plugins.exceptions import ArtifactError, CompileError, ManifestError
from wasm_plugins.models import Generation, Hook, Plugin, PluginVersion, Route, StoredObject, SyncState, Task
from wasm_plugins.runtime.compiler import digest_of
from wasm_plugins.sync import record_upload, sync, sync_if_due
from wasm_plugins.sync_report import Outcome, SyncReport

pytestmark = pytest.mark.django_db

VERIFIED, REFUSED = PluginVersion.State.VERIFIED, PluginVersion.State.REFUSED


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


def test_a_name_that_nobody_knew_is_found_verified_and_off() -> None:
    data = plugin_component("greeter", hooks={"order-placed": text_hook(ok("hello"))})
    storage.put_upload("greeter", data)
    outcome = _only(sync())
    plugin = Plugin.objects.get(name="greeter")
    assert (outcome.result, outcome.plugin, outcome.version, outcome.is_switched) == ("verified", "greeter", 1, True)
    assert not plugin.is_enabled
    assert plugin.current_version is not None
    assert (plugin.current_version.state, plugin.current_version.digest) == (VERIFIED, digest_of(data))
    assert plugin.current_version.declared.hooks[0].name == "order-placed"
    assert plugin.current_version.exports["order-placed"].startswith("func(order-id: s64")
    assert storage.read_kept(digest_of(data)) == data


def test_the_rows_of_what_is_declared_follow_the_first_version() -> None:
    storage.put_upload(
        "greeter",
        plugin_component(
            hooks={"order-placed": text_hook(ok(""))},
            routes=[route("/greeter/page", json_handler(ok("{}")), process_as_task=True)],
            tasks={"count": silent_handler(err("no"))},
        ),
    )
    sync()
    assert list(Hook.objects.values_list("name", flat=True)) == ["order-placed"]
    assert list(Route.objects.values_list("path", "process_as_task")) == [("/greeter/page", True)]
    assert list(Task.objects.values_list("name", flat=True)) == ["count"]


def test_nothing_is_fetched_or_written_twice() -> None:
    storage.put_upload("greeter", plugin_component())
    storage.put_upload("broken", b"")
    sync()
    before = Generation.current_token()
    with _compiled() as names:
        report = sync()
    assert (report.found, report.unchanged, report.changed) == (2, 2, 0)
    assert names == []
    assert PluginVersion.objects.count() == 2
    assert Generation.current_token() == before


def test_a_touched_file_with_the_same_content_is_no_new_version(plugin_folder: Path) -> None:
    storage.put_upload("greeter", plugin_component())
    sync()
    storage.put_upload("greeter", plugin_component())
    with _compiled() as names:
        outcome = _only(sync())
    assert (outcome.version, outcome.is_switched, names) == (1, False, [])


def test_what_is_gone_from_storage_leaves_its_plugin_as_it_is() -> None:
    data = plugin_component()
    storage.put_upload("greeter", data)
    sync()
    storage.remove_upload("greeter")
    report = sync()
    assert (report.found, report.removed, _only(report).plugin) == (0, 1, "greeter")
    assert not StoredObject.objects.exists()
    assert Plugin.objects.get(name="greeter").current_version == _version()
    assert storage.read_kept(digest_of(data)) == data


def test_a_refused_new_version_leaves_the_good_one_serving() -> None:
    record_upload(plugin_component())
    lifecycle.enable(Plugin.objects.get(name="greeter"))
    storage.put_upload("greeter", b"")
    sync()
    plugin = Plugin.objects.get(name="greeter")
    assert (plugin.is_enabled, plugin.current_version, _version(number=2).state) == (True, _version(number=1), REFUSED)


ODD_KEYS = [
    "readme.txt",
    "UPPER.wasm",
    "with space.wasm",
    "-dash.wasm",
    "x" * 64 + ".wasm",
    "ünï.wasm",
    "a\nb.wasm",
    ".wasm.wasm",
    "a.wasm.bak",
    "a_b.wasm",
]


@pytest.mark.parametrize("file", ODD_KEYS)
def test_an_object_whose_key_is_no_plugins_name_is_shown_and_never_read(file: str, plugin_folder: Path) -> None:
    (plugin_folder / "plugins").mkdir(parents=True)
    (plugin_folder / "plugins" / file).write_bytes(plugin_component())
    found = sync()
    if file.startswith("."):
        assert found.outcomes == ()
        return
    assert (_only(found).result, _only(found).code) == ("problem", ManifestError.code)
    assert StoredObject.objects.get(key=f"plugins/{file}").problem
    assert not Plugin.objects.exists()
    assert _only(sync()).result == "unchanged"


def test_a_file_name_that_is_no_text_is_shown_too(plugin_folder: Path) -> None:
    (plugin_folder / "plugins").mkdir(parents=True)
    (plugin_folder / "plugins" / "bad\udcff.wasm").write_bytes(b"")
    assert _only(sync()).result == "problem"
    assert _only(sync()).result == "unchanged"


def test_an_object_over_the_limit_is_shown_and_looked_at_again_when_the_limit_is_raised(settings: Settings) -> None:
    data = plugin_component()
    settings.WASM_PLUGINS_COMPONENT_BYTES = len(data) - 1
    storage.put_upload("greeter", data)
    assert (_only(sync()).result, _only(sync()).result) == ("problem", "unchanged")
    settings.WASM_PLUGINS_COMPONENT_BYTES = len(data)
    assert _only(sync()).result == "verified"


def test_an_upload_over_the_limit_is_an_artifact_error(settings: Settings) -> None:
    settings.WASM_PLUGINS_COMPONENT_BYTES = 100
    with pytest.raises(ArtifactError):
        record_upload(plugin_component())


def test_a_folder_that_is_away_leaves_every_record_as_it_is(plugin_folder: Path) -> None:
    storage.put_upload("greeter", plugin_component())
    sync()
    plugin_folder.rename(plugin_folder.with_name("away"))
    plugin_folder.write_bytes(b"")
    with pytest.raises(ArtifactError):
        sync()
    assert StoredObject.objects.get().version == _version()


def test_one_object_that_cannot_be_read_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        storage.put_upload(name, plugin_component(name))
    original = storage.read

    def read(key: str, limit_bytes: int) -> bytes:
        if key == "plugins/b.wasm":
            raise ArtifactError("the connection was lost")
        return original(key, limit_bytes)

    monkeypatch.setattr(storage, "read", read)
    assert [outcome.result for outcome in sync().outcomes] == ["verified", "problem", "verified"]
    assert StoredObject.objects.get(key="plugins/b.wasm").problem
    monkeypatch.undo()
    assert [outcome.result for outcome in sync().outcomes] == ["unchanged", "verified", "unchanged"]


def test_a_defect_of_our_own_is_one_objects_problem(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(verification, "verify", _broken)
        storage.put_upload("greeter", plugin_component())
        assert (_only(sync()).result, _only(sync()).code) == ("problem", "internal-error")
    assert _only(sync()).result == "verified"


def _broken(*args: object, **options: object) -> NoReturn:
    raise ZeroDivisionError


def test_an_upload_takes_its_name_from_its_manifest() -> None:
    version = record_upload(plugin_component("loyalty"))
    assert (version.plugin.name, version.number, version.state) == ("loyalty", 1, VERIFIED)
    assert [item.key for item in storage.list_uploads()] == ["plugins/loyalty.wasm"]
    assert _only(sync()).result == "unchanged"


def test_the_same_upload_again_is_the_same_version() -> None:
    first = record_upload(plugin_component())
    record_upload(plugin_component(salt="2"))
    assert record_upload(plugin_component()) == first
    assert PluginVersion.objects.count() == 2


def test_a_path_that_another_plugin_holds_refuses_the_newcomer() -> None:
    owner = Plugin.objects.create(name="owner")
    Route.objects.create(plugin=owner, path="/greeter/page", handler="page")
    data = plugin_component(routes=[route("/greeter/page", json_handler(ok("{}")))])
    storage.put_upload("greeter", data)
    assert _only(sync()).code == ManifestError.code
    with pytest.raises(ManifestError):
        record_upload(data)
    assert Route.objects.get().plugin == owner


def test_progress_is_told_of_what_is_compiled() -> None:
    told: list[tuple[str, int]] = []

    @contextmanager
    def progress(name: str, size_bytes: int) -> Iterator[None]:
        told.append((name, size_bytes))
        yield

    data = plugin_component()
    storage.put_upload("greeter", data)
    sync(progress)
    sync(progress)
    assert told == [("greeter", len(data))]


def test_a_thousand_unchanged_objects_cost_one_list_request(s3_storage: S3Plan) -> None:
    requests: list[str] = []
    version = record_upload(plugin_component())
    with filled_bucket(s3_storage, {f"plugins/p{number}.wasm": b"" for number in range(999)}):
        _remember_all(version)
        events = storages["plugins"].connection.meta.client.meta.events  # type: ignore[attr-defined]
        events.register("before-call.s3", lambda model, **_: requests.append(model.name))
        report = sync()
    assert (report.found, report.unchanged) == (1_000, 1_000)
    assert requests == ["ListObjectsV2"]


def _remember_all(version: PluginVersion) -> None:
    """Write the rows that earlier syncs would have left, had each object been a plugin."""
    StoredObject.objects.all().delete()
    StoredObject.objects.bulk_create(
        StoredObject(key=item.key, fingerprint=item.fingerprint, size_bytes=item.size_bytes, version=version)
        for item in storage.list_uploads()
    )


def test_an_upload_to_s3_is_known_to_the_next_sync(s3_storage: S3Plan) -> None:
    with filled_bucket(s3_storage, {}):
        record_upload(plugin_component())
        assert _only(sync()).result == "unchanged"


@pytest.mark.django_db(transaction=True)
def test_many_threads_that_sync_at_once_record_each_version_once() -> None:
    for name in ("a", "b", "c"):
        storage.put_upload(name, plugin_component(name, tasks={"count": json_handler(ok("{}"))}))
    storage.put_upload("d", b"")
    with ThreadPoolExecutor(6) as threads:
        reports = list(threads.map(lambda _: _sync_and_close(), range(6)))
    assert {report.found for report in reports} == {4}
    assert not any(outcome.result == "problem" for report in reports for outcome in report.outcomes)
    assert sorted(PluginVersion.objects.values_list("plugin__name", "number")) == [(n, 1) for n in "abcd"]
    assert (StoredObject.objects.count(), Task.objects.count()) == (4, 3)


def _sync_and_close() -> SyncReport:
    try:
        return sync()
    finally:
        connection.close()


SYNC_TWICE = """
import django; django.setup()
from django.conf import settings
settings.STORAGES["plugins"]["OPTIONS"] = {"location": sys.argv[1]}
from wasm_plugins.sync import sync
report = sync()
print(report.found, sum(outcome.result == "problem" for outcome in report.outcomes))
"""


@pytest.mark.django_db(transaction=True)
def test_two_processes_that_sync_at_once_record_each_version_once(
    plugin_folder: Path, child_environment: dict[str, str]
) -> None:
    for name in ("a", "b", "c"):
        storage.put_upload(name, plugin_component(name, salt=str(plugin_folder)))
    command = [sys.executable, "-c", "import sys" + SYNC_TWICE, str(plugin_folder)]
    children = [subprocess.Popen(command, env=child_environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [child.communicate(timeout=60)[0].split() for child in children]
    assert answers == [["3", "0"]] * 2
    assert sorted(PluginVersion.objects.values_list("plugin__name", "number")) == [(n, 1) for n in "abc"]


@pytest.mark.django_db(transaction=True)
def test_of_many_processes_one_takes_the_interval(settings: Settings) -> None:
    settings.WASM_PLUGINS_SYNC_INTERVAL_S = 60
    with ThreadPoolExecutor(6) as threads:
        reports = list(threads.map(lambda _: _due_and_close(), range(6)))
    assert sum(report is not None for report in reports) == 1
    SyncState.objects.update(last_started_at=timezone.now() - timedelta(seconds=59))
    assert sync_if_due() is None
    SyncState.objects.update(last_started_at=timezone.now() - timedelta(seconds=61))
    assert sync_if_due() is not None
    assert SyncState.objects.get().last_finished_at is not None


def _due_and_close() -> SyncReport | None:
    try:
        return sync_if_due()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_sync_by_itself_never_runs_inside_a_transaction_nor_where_it_is_off(settings: Settings) -> None:
    assert sync_if_due() is None
    settings.WASM_PLUGINS_SYNC_INTERVAL_S = 1
    with transaction.atomic():
        assert sync_if_due() is None
    assert sync_if_due() is not None


@pytest.mark.django_db(transaction=True)
def test_sync_by_itself_bears_a_storage_that_is_away(settings: Settings, plugin_folder: Path) -> None:
    settings.WASM_PLUGINS_SYNC_INTERVAL_S = 1
    plugin_folder.write_bytes(b"")
    assert sync_if_due() is None


def test_a_spinning_function_that_is_not_called_is_no_reason_to_refuse() -> None:
    spinning: Function = json_handler(spin())
    storage.put_upload("greeter", plugin_component(tasks={"spin": spinning}))
    assert _only(sync()).result == "verified"


def test_the_report_is_plain_values() -> None:
    storage.put_upload("broken", b"")
    described = sync().as_json()
    assert {name: described[name] for name in ("found", "changed", "unchanged", "refused", "removed")} == {
        "found": 1,
        "changed": 1,
        "unchanged": 0,
        "refused": 1,
        "removed": 0,
    }
    assert described["objects"][0]["code"] == CompileError.code
