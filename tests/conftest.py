"""What all tests share: the real servers, a storage per test, the line that says which servers were used."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from project.stack.parts import PartFailed
from project.stack.s3 import S3Plan
from tests.browser_session import Browser, NoBrowser, running_browser
from tests.real_parts import PARTS, RealParts

# pytest enables faulthandler before the first test. An engine must not exist by then, or the first trap ends
# the process (wasmtime's handler has to come last), so nothing imported here may make one at import.


@pytest.fixture(scope="session")
def real_parts() -> RealParts:
    """PostgreSQL, Redis and S3 servers, running. The run ends if one cannot start; nothing is skipped."""
    try:
        PARTS.start()
    except PartFailed as error:
        pytest.exit(f"the tests cannot run without a real part\n{error}", returncode=1)
    return PARTS


@pytest.fixture(scope="session")
def django_db_modify_db_settings(real_parts: RealParts) -> None:
    """Have the servers up before pytest-django creates databases: a test with a database has them all."""


@pytest.fixture(autouse=True)
def plugin_folder(settings: Settings, tmp_path: Path) -> Path:
    """Give every test an empty folder as ``STORAGES["plugins"]``."""
    folder = tmp_path / "plugin-storage"
    folder_storage = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(folder)},
    }
    settings.STORAGES = {**settings.STORAGES, "plugins": folder_storage}
    return folder


@pytest.fixture
def s3_storage(plugin_folder: Path, settings: Settings, real_parts: RealParts) -> Iterator[S3Plan]:
    """Make a fresh bucket on the real S3 server ``STORAGES["plugins"]``."""
    bucket = f"plugins-{secrets.token_hex(6)}"
    client = real_parts.s3.client()
    client.create_bucket(Bucket=bucket)
    bucket_storage = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": real_parts.s3.storage_options(bucket),
    }
    settings.STORAGES = {**settings.STORAGES, "plugins": bucket_storage}
    yield S3Plan(real_parts.s3.address, real_parts.s3.access_key, real_parts.s3.secret_key, bucket)
    for found in client.list_objects_v2(Bucket=bucket).get("Contents", []):
        client.delete_object(Bucket=bucket, Key=found["Key"])
    client.delete_bucket(Bucket=bucket)


@pytest.fixture
def rq_queue(real_parts: RealParts) -> Iterator[str]:
    """Name the queue ``default`` on the real Redis-protocol server, empty before and after."""
    import redis

    with redis.Redis.from_url(real_parts.redis.url) as client:
        client.flushdb()
        yield "default"
        client.flushdb()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Drive a real browser (``tests.browser_session``). The run ends if there is none; nothing is skipped."""
    try:
        with running_browser() as running:
            yield running
    except NoBrowser as error:
        pytest.exit(f"the tests cannot run without a browser\n{error}", returncode=1)


@pytest.fixture
def child_environment(real_parts: RealParts) -> dict[str, str]:
    """Give the environment for a child process that works on this run's test databases and servers."""
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """Write what waits while the test's database is there, and blame no later test for processes that were killed."""
    outbox = sys.modules.get("wasm_plugins.outbox")
    if outbox is not None and outbox.outbox.is_waiting:
        outbox.outbox.flush()
    components = sys.modules.get("wasm_plugins.components")
    if components is not None:
        with contextlib.suppress(Exception):  # a test may have left a folder that does not work
            components.compiled_cache().lifeline.bury(lambda digests: ())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that take long, so that of processes side by side none is left alone with one at the end."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Spell what a hostile test logged so that it can travel between processes: half a character cannot."""
    report = yield
    report.sections = [(title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections]
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that reports, where there are several, which servers this one had."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["real_parts"] = PARTS.started


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Note the servers of a process that ran tests side by side with others."""
    PARTS.started = PARTS.started or getattr(node, "workeroutput", {}).get("real_parts", [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which real servers the tests were run on."""
    used = ", ".join(PARTS.started) or "none, since no test needed one"
    terminalreporter.write_line(f"Real parts: {used}")


def pytest_unconfigure() -> None:
    """Stop the servers and remove what the run wrote."""
    if PARTS.is_owner:
        PARTS.stop()
        shutil.rmtree(PARTS.folder, ignore_errors=True)
