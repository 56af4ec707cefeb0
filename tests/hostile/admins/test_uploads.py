"""Uploads that are too large, of the wrong kind, or called something clever."""

from __future__ import annotations

import gzip
import io
import socket
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from tests.admin.pages import UPLOAD, Staff, text_of
from tests.admin.plugins import greeter
from wasm_plugins.models import Plugin, PluginVersion, StoredObject
from wasm_plugins.runtime.sections import PREAMBLE

pytestmark = [pytest.mark.django_db, pytest.mark.canary_after]

GIB = 1024**3


@pytest.fixture(autouse=True)
def temporary(settings: Settings, tmp_path: Path) -> Path:
    """Have every upload spooled to a folder of the test's own, which must be empty afterwards."""
    folder = tmp_path / "spooled"
    folder.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = str(folder)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    return folder


def _zip_bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.wasm", bytes(64 * 1024 * 1024))
    return packed.getvalue()


WRONG: dict[str, Callable[[], bytes]] = {
    "html": lambda: b"<!doctype html><script>alert(1)</script>",
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "png": lambda: b"\x89PNG\r\n\x1a\n" + bytes(100),
    "elf": lambda: b"\x7fELF" + bytes(100),
    "pickle": lambda: b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    "gzip bomb": lambda: gzip.compress(bytes(64 * 1024 * 1024)),
    "zip bomb": _zip_bomb,
    "a section longer than the file": lambda: PREAMBLE + b"\x00\xff\xff\xff\xff\x0f",
    "a component after html": lambda: b"<html>" + greeter(),
    "a component and then html": lambda: greeter() + b"<script>alert(1)</script>",
    "empty": lambda: b"",
}


@pytest.mark.parametrize("kind", WRONG)
def test_ad_05_what_is_no_component_is_refused_and_leaves_nothing(
    uploader: Staff, plugin_folder: Path, temporary: Path, kind: str
) -> None:
    started = time.monotonic()
    page = text_of(uploader.upload(WRONG[kind](), name="x.wasm.html"))
    assert time.monotonic() - started < 30
    assert 'id="id_component_error"' in page
    assert _nothing_is_left(plugin_folder, temporary)


NAMES = [
    *("x.wasm.html", "../../../etc/cron.d/x.wasm", "C:\\x.wasm", "/x.wasm", "x" * 5_000 + ".wasm", "a\r\nb.wasm"),
    *("..", ".", "", "\x00.wasm", "%2e%2e%2fx.wasm", "\u202emsaw.x"),
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_ad_05_the_files_own_name_and_type_mean_nothing(
    uploader: Staff, plugin_folder: Path, temporary: Path, tmp_path: Path, name: str
) -> None:
    disposition = f'Content-Disposition: form-data; name="component"; filename="{name}"'
    body = f"--b\r\n{disposition}\r\nContent-Type: text/html\r\n\r\n".encode() + greeter() + b"\r\n--b--\r\n"
    response = uploader.client.generic("POST", UPLOAD, body, content_type="multipart/form-data; boundary=b")
    assert response.status_code in (200, 302, 400)  # 400: a header that Django does not read
    stored = {str(path.relative_to(plugin_folder)) for path in plugin_folder.rglob("*") if path.is_file()}
    assert all(path.endswith(".wasm") and ".html" not in path and len(path) < 120 for path in stored)
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(plugin_folder)]
    assert outside == []
    assert [version.plugin.name for version in PluginVersion.objects.all()] in ([], ["greeter"])
    assert list(temporary.iterdir()) == []


def test_ad_05_a_field_that_is_no_file_is_refused(uploader: Staff, plugin_folder: Path, temporary: Path) -> None:
    for data in ({"component": "text"}, {"component": ""}, {"other": SimpleUploadedFile("x.wasm", greeter())}):
        assert 'id="id_component_error"' in text_of(uploader.post(UPLOAD, data))
    assert _nothing_is_left(plugin_folder, temporary)


def test_ad_05_what_was_uploaded_is_served_nowhere(uploader: Staff, plugin_folder: Path) -> None:
    uploader.upload(greeter(), name="x.wasm.html")
    digest = PluginVersion.objects.get().digest
    for path in ("plugins/greeter.wasm", "x.wasm.html", f"{digest}.wasm", f"plugins/{digest}", "greeter.wasm"):
        for prefix in ("/", "/media/", "/static/", "/plugins/", "/admin/", "/admin/wasm_plugins/plugin/"):
            response = uploader.get(prefix + path)
            assert response.status_code in (301, 302, 401, 403, 404), prefix + path
            assert b"\x00asm" not in response.content


def test_ad_05_a_file_over_the_limit_is_gone_after_the_answer(
    uploader: Staff, plugin_folder: Path, temporary: Path, settings: Settings
) -> None:
    settings.WASM_PLUGINS_COMPONENT_BYTES = 100_000
    assert "component_bytes" in text_of(uploader.upload(bytes(120_000)))
    response = uploader.upload(bytes(300_000))
    assert response.status_code == 413
    assert b"component_bytes" in response.content
    assert _nothing_is_left(plugin_folder, temporary)


@pytest.mark.parametrize("length", [str(GIB), "9" * 5_000, "-1", "1e9", "0x10", "１"])
def test_ad_05_a_length_that_is_too_large_or_none_is_refused_before_anything_is_read(
    uploader: Staff, temporary: Path, length: str
) -> None:
    boundary = "multipart/form-data; boundary=b"
    response = uploader.client.generic("POST", UPLOAD, b"", content_type=boundary, CONTENT_LENGTH=length)
    assert response.status_code == 413
    assert list(temporary.iterdir()) == []


def test_ad_05_somebody_who_may_not_upload_is_refused_before_anything_is_read(nobody: Staff, temporary: Path) -> None:
    response = nobody.client.generic(
        "POST", UPLOAD, b"", content_type="multipart/form-data; boundary=b", CONTENT_LENGTH=str(GIB)
    )
    assert response.status_code == 403


@pytest.mark.django_db(transaction=True)
def test_ad_05_a_gigabyte_is_refused_while_it_is_still_on_its_way(
    live_server: LiveServer, admin_client: Client, temporary: Path
) -> None:
    address = urlsplit(live_server.url)
    assert address.hostname is not None
    cookies = "; ".join(f"{name}={found.value}" for name, found in admin_client.cookies.items())
    head = (
        f"POST {UPLOAD} HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: {cookies}\r\nContent-Length: {GIB}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nConnection: close\r\n\r\n--b\r\n"
    )
    with socket.create_connection((address.hostname, address.port or 80), timeout=20) as connection:
        connection.sendall(head.encode() + bytes(4_096))
        answer = connection.recv(4_096)
    assert b" 413 " in answer.partition(b"\r\n")[0]
    assert list(temporary.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_ad_05_the_same_form_sent_twice_at_once_is_one_version(admin_client: Client, temporary: Path) -> None:
    component = greeter()

    def send(_: int) -> int:
        client = Client()
        client.cookies = admin_client.cookies
        try:
            return client.post(UPLOAD, {"component": SimpleUploadedFile("x.wasm", component)}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(send, range(4))) == {302}
    assert (Plugin.objects.count(), PluginVersion.objects.count()) == (1, 1)
    assert list(temporary.iterdir()) == []


def _nothing_is_left(plugin_folder: Path, temporary: Path) -> bool:
    is_stored = any(path.is_file() for path in plugin_folder.rglob("*")) or any(temporary.iterdir())
    return not (is_stored or Plugin.objects.exists() or PluginVersion.objects.exists() or StoredObject.objects.exists())
