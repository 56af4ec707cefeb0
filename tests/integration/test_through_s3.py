"""Everything through a real S3 server: upload, sync, run, replace, remove."""

from __future__ import annotations

import pytest

from project.stack.s3 import S3Plan
from tests.components import ok, plugin_component, text_hook
from tests.real_parts import RealParts
from wasm_plugins import get_plugin_manager, lifecycle, storage
from wasm_plugins.components import forget
from wasm_plugins.models import Plugin, PluginVersion, StoredObject
from wasm_plugins.sync import record_upload, sync

pytestmark = pytest.mark.django_db


def parrot(answer: str) -> bytes:
    return plugin_component("parrot", hooks={"speak": text_hook(ok(answer))})


def spoken() -> list[str]:
    forget(keep=())  # as in a process that just started
    return [str(value) for value in get_plugin_manager().call_hook_dynamic("speak", 1, "").values]


def test_a_plugin_that_lies_in_a_bucket_is_found_enabled_replaced_and_removed(
    s3_storage: S3Plan, real_parts: RealParts
) -> None:
    client = real_parts.s3.client()
    client.put_object(Bucket=s3_storage.bucket, Key="plugins/parrot.wasm", Body=parrot("one"))
    sync()
    plugin = Plugin.objects.get(name="parrot")
    assert not plugin.is_enabled  # what storage brings never runs by itself
    lifecycle.enable(plugin)
    assert spoken() == ["one"]

    client.put_object(Bucket=s3_storage.bucket, Key="plugins/parrot.wasm", Body=parrot("two"))
    sync()
    assert spoken() == ["one"]  # a new version waits for an admin
    lifecycle.use_version(plugin, 2)
    assert spoken() == ["two"]

    client.delete_object(Bucket=s3_storage.bucket, Key="plugins/parrot.wasm")
    report = sync()
    assert (report.removed, StoredObject.objects.count()) == (1, 0)
    assert spoken() == ["two"]  # every distinct upload is kept under its digest
    lifecycle.use_version(plugin, 1)
    assert spoken() == ["one"]


def test_an_upload_goes_to_the_bucket_and_is_kept_by_digest(s3_storage: S3Plan, real_parts: RealParts) -> None:
    version = record_upload(parrot("one"))
    listed = real_parts.s3.client().list_objects_v2(Bucket=s3_storage.bucket)["Contents"]
    assert {each["Key"] for each in listed} == {"plugins/parrot.wasm", f"artifacts/{version.digest}.wasm"}
    assert storage.read_kept(version.digest) == parrot("one")
    assert sync().unchanged == 1


def test_a_bad_object_stops_no_other_and_says_what_is_wrong(s3_storage: S3Plan, real_parts: RealParts) -> None:
    client = real_parts.s3.client()
    client.put_object(Bucket=s3_storage.bucket, Key="plugins/bad.wasm", Body=b"<html>404</html>")
    client.put_object(Bucket=s3_storage.bucket, Key="plugins/parrot.wasm", Body=parrot("one"))
    sync()
    assert PluginVersion.objects.get(plugin__name="parrot").state == "verified"
    bad = PluginVersion.objects.get(plugin__name="bad")
    assert (bad.state, bad.error_code) == ("refused", "compile-error")
