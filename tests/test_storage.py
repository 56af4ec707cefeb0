"""Components in a folder, in a bucket on a real S3 server, and in any other Django storage."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from pytest_django import Settings

from project.stack.s3 import S3Plan
from tests.buckets import filled_bucket
from wasm_plugins import storage
from wasm_plugins.exceptions import ArtifactError
from wasm_plugins.runtime.compiler import digest_of

LIMIT = 1_000_000
KINDS = ("folder", "s3", "s3 that never overwrites", "s3 in a sub-folder", "memory")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Set up each kind of storage in turn."""
    name: str = request.param
    if name.startswith("s3"):
        plan: S3Plan = request.getfixturevalue("s3_storage")
        options = plan.storage_options()
        options |= {"file_overwrite": False} if "never" in name else {}
        options |= {"location": "deep/er"} if "sub-folder" in name else {}
        _use(settings, "storages.backends.s3.S3Storage", options)
    if name == "memory":
        _use(settings, "django.core.files.storage.InMemoryStorage", {})
    return name


def _use(settings: Settings, backend: str, options: dict[str, Any]) -> None:
    settings.STORAGES = {**settings.STORAGES, "plugins": {"BACKEND": backend, "OPTIONS": options}}


def _keys() -> list[str]:
    return [item.key for item in storage.list_uploads()]


def test_an_empty_storage_lists_nothing(kind: str) -> None:
    assert _keys() == []


def test_an_upload_is_listed_and_read(kind: str) -> None:
    item = storage.put_upload("loyalty", b"first")
    assert list(storage.list_uploads()) == [item]
    assert (item.key, item.size_bytes) == ("plugins/loyalty.wasm", 5)
    assert storage.read(item.key, LIMIT) == b"first"


def test_a_second_upload_replaces_the_first_under_the_same_key(kind: str) -> None:
    before = storage.put_upload("loyalty", b"first")
    after = storage.put_upload("loyalty", b"other")
    assert before.fingerprint != after.fingerprint
    assert list(storage.list_uploads()) == [after]
    assert storage.read(after.key, LIMIT) == b"other"


def test_the_fingerprint_stays_while_the_content_does(kind: str) -> None:
    storage.put_upload("loyalty", b"first")
    assert list(storage.list_uploads()) == list(storage.list_uploads())


def test_only_objects_directly_under_the_prefix_count(kind: str) -> None:
    storage.put_upload("loyalty", b"first")
    storage.keep(digest_of(b"first"), b"first")
    storages["plugins"].save("plugins/deeper/other.wasm", ContentFile(b"x"))
    storages["plugins"].save("plugins-not/other.wasm", ContentFile(b"x"))
    assert _keys() == ["plugins/loyalty.wasm"]


def test_a_removed_upload_is_gone_and_removing_it_again_is_no_error(kind: str) -> None:
    storage.put_upload("loyalty", b"first")
    storage.remove_upload("loyalty")
    if kind != "memory":
        storage.remove_upload("loyalty")
    assert _keys() == []


def test_reading_stops_at_the_limit(kind: str) -> None:
    storage.put_upload("loyalty", b"x" * 1_000)
    assert len(storage.read("plugins/loyalty.wasm", 1_000)) == 1_000
    with pytest.raises(ArtifactError):
        storage.read("plugins/loyalty.wasm", 999)


def test_reading_what_is_not_there_is_an_artifact_error(kind: str) -> None:
    with pytest.raises(ArtifactError):
        storage.read("plugins/nobody.wasm", LIMIT)


def test_a_kept_copy_is_read_back_by_its_digest(kind: str) -> None:
    digest = digest_of(b"data")
    storage.keep(digest, b"data")
    storage.keep(digest, b"data")
    assert storage.read_kept(digest) == b"data"


def test_a_kept_copy_that_was_changed_is_never_returned(kind: str) -> None:
    digest = digest_of(b"data")
    storages["plugins"].save(f"artifacts/{digest}.wasm", ContentFile(b"evil"))
    with pytest.raises(ArtifactError):
        storage.read_kept(digest)


def test_a_kept_copy_that_was_cut_short_is_written_again(kind: str) -> None:
    digest = digest_of(b"data")
    storages["plugins"].save(f"artifacts/{digest}.wasm", ContentFile(b"da"))
    storage.keep(digest, b"data")
    assert storage.read_kept(digest) == b"data"


def test_a_kept_copy_that_is_not_there_is_an_artifact_error(kind: str) -> None:
    with pytest.raises(ArtifactError):
        storage.read_kept("0" * 64)


def test_a_bucket_with_more_objects_than_a_page_is_listed_whole(s3_storage: S3Plan) -> None:
    with filled_bucket(s3_storage, {f"plugins/p{number}.wasm": b"" for number in range(1_010)}):
        assert len(_keys()) == 1_010


def test_an_s3_server_that_is_away_is_an_artifact_error(s3_storage: S3Plan, settings: Settings) -> None:
    options = {**s3_storage.storage_options(), "endpoint_url": "http://127.0.0.1:9", "client_config": _impatient()}
    _use(settings, "storages.backends.s3.S3Storage", options)
    for act in (_keys, lambda: storage.read("plugins/a.wasm", LIMIT), lambda: storage.keep("0" * 64, b"")):
        with pytest.raises(ArtifactError):
            act()


def _impatient() -> object:
    from botocore.config import Config

    return Config(connect_timeout=1, read_timeout=1, retries={"max_attempts": 0}, s3={"addressing_style": "path"})


def test_wrong_credentials_are_an_artifact_error(s3_storage: S3Plan, settings: Settings) -> None:
    _use(settings, "storages.backends.s3.S3Storage", {**s3_storage.storage_options(), "secret_key": "wrong"})
    with pytest.raises(ArtifactError):
        _keys()


def test_hidden_files_and_folders_are_no_uploads(plugin_folder: Path) -> None:
    storage.put_upload("loyalty", b"first")
    (plugin_folder / "plugins" / ".draft").write_bytes(b"half")
    (plugin_folder / "plugins" / "folder.wasm").mkdir()
    assert _keys() == ["plugins/loyalty.wasm"]


def test_a_file_in_the_place_of_the_folder_is_an_artifact_error(plugin_folder: Path) -> None:
    plugin_folder.write_bytes(b"")
    with pytest.raises(ArtifactError):
        _keys()


def test_a_reader_never_sees_half_of_a_file_that_is_replaced(plugin_folder: Path) -> None:
    contents = [bytes([number]) * 3_000_000 for number in range(2)]
    storage.put_upload("loyalty", contents[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for content in contents:
                storage.put_upload("loyalty", content)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = {storage.read("plugins/loyalty.wasm", 4_000_000) for _ in range(50)}
    finally:
        stop.set()
        writer.join()
    assert seen <= set(contents)


def test_a_disk_that_is_full_leaves_the_old_file_and_no_draft(
    plugin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.put_upload("loyalty", b"first")
    monkeypatch.setattr(os, "fsync", _no_space)
    with pytest.raises(ArtifactError):
        storage.put_upload("loyalty", b"second")
    assert os.listdir(plugin_folder / "plugins") == ["loyalty.wasm"]
    assert storage.read("plugins/loyalty.wasm", LIMIT) == b"first"


def _no_space(descriptor: int) -> None:
    raise OSError(28, "No space left on device")


def test_files_get_the_mode_that_the_project_gives_its_uploads(plugin_folder: Path, settings: Settings) -> None:
    options = {"location": str(plugin_folder), "file_permissions_mode": 0o640, "directory_permissions_mode": 0o750}
    _use(settings, "django.core.files.storage.FileSystemStorage", options)
    storage.put_upload("loyalty", b"first")
    assert (plugin_folder / "plugins" / "loyalty.wasm").stat().st_mode & 0o777 == 0o640
    assert (plugin_folder / "plugins").stat().st_mode & 0o777 == 0o750
