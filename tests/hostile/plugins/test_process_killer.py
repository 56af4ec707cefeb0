"""A plugin with which the process dies: the server starts again, and after two deaths nothing calls it any more."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings as project_settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from tests.admin.pages import Staff, page_of, text_of
from tests.components import json_handler, ok, plugin_component, route, spin
from tests.hostile.server import Server, serving, wait_until
from tests.installed import install
from wasm_plugins import components
from wasm_plugins.exceptions import PluginQuarantined
from wasm_plugins.models import AuditEntry, Plugin, PluginVersion, Route, VersionHealth
from wasm_plugins.registry import mark_changed
from wasm_plugins.sync import record_upload

pytestmark = [pytest.mark.canary_after, pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def shared_storage(settings: Settings) -> None:
    """Keep plugins where the server looks for them."""
    folder = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(project_settings.DATA_DIR / "plugins")},
    }
    settings.STORAGES = {**settings.STORAGES, "plugins": folder}


@pytest.fixture
def killer() -> Plugin:
    """A plugin during whose call the process will be killed; beside it one that does no harm."""
    install(plugin_component("canary", routes=[route("/canary/sing", json_handler(ok('"tweet"')))]))
    plugin = install(plugin_component("killer", routes=[route("/killer/kill", json_handler(spin()))]))
    Route.objects.update(access="public")
    mark_changed()
    return plugin


def runs(digest: str) -> bool:
    """Tell whether a component runs in some process of this machine."""
    found = (components.compiled_cache().folder / "running").glob("*.running")
    return any(bytes.fromhex(digest) in path.read_bytes() for path in found)


def die_of(server: Server, digest: str) -> None:
    """Call the plugin, and kill the worker while it runs; returns when another worker answers."""

    def call() -> None:
        with contextlib.suppress(OSError):  # the connection ends with the worker
            server.get("/plugins/killer/kill")

    before = server.worker_pids()
    caller = threading.Thread(target=call)
    caller.start()
    wait_until(lambda: runs(digest), "the plugin runs")
    server.kill_worker()
    caller.join()
    wait_until(lambda: server.worker_pids() not in ([], before), "another worker is there")


def listed(name: str) -> dict[str, object]:
    """Return what ``plugins list --json`` says of a plugin."""
    out = StringIO()
    call_command("plugins", "list", "--json", stdout=out)
    return next(each for each in json.loads(out.getvalue())["plugins"] if each["name"] == name)


def test_hp_35_after_two_deaths_it_is_in_quarantine_until_an_operator_releases_it(
    killer: Plugin, child_environment: dict[str, str], tmp_path: Path
) -> None:
    assert killer.current_version is not None
    digest = killer.current_version.digest
    with serving(tmp_path / "gunicorn.log", child_environment) as server:
        die_of(server, digest)
        assert server.get("/plugins/canary/sing")[0] == 200
        assert VersionHealth.objects.get(version=killer.current_version).deaths == 1
        die_of(server, digest)
        assert server.get("/plugins/canary/sing") == (200, b'"tweet"')
        health = VersionHealth.objects.get(version=killer.current_version)
        assert health.deaths == 2
        assert health.quarantined_at is not None
        wait_until(lambda: server.get("/plugins/killer/kill")[0] == 404, "nothing calls it", timeout_s=2)
        assert server.get("/")[0] == 200
        assert listed("killer")["state"] == "quarantined"

        root = Staff(User.objects.create_superuser("root"), Client())
        page = text_of(root.get(page_of(killer)))
        assert "In quarantine" in page
        assert "2 processes died" in page
        assert root.act(killer, "release").status_code == 302
        assert AuditEntry.objects.filter(act="release", user=root.user, plugin="killer").exists()
        wait_until(lambda: server.get("/plugins/killer/kill")[0] == 504, "it is called again")


def test_hp_35_the_command_releases_too(killer: Plugin) -> None:
    assert killer.current_version is not None
    VersionHealth.objects.create(version=killer.current_version, deaths=2, quarantined_at="2026-01-01T00:00:00Z")
    mark_changed()
    assert listed("killer")["state"] == "quarantined"
    call_command("plugins", "release", "killer", "--json", stdout=StringIO())
    assert listed("killer")["state"] == "running"


VERIFY = """
import sys, django
from pathlib import Path
django.setup()
from wasm_plugins.sync import record_upload
record_upload(Path(sys.argv[1]).read_bytes())
"""


def test_hp_35_bytes_that_kill_whoever_verifies_them_are_not_looked_at_a_third_time(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    data = plugin_component("killer", manifest_body="(loop $on (br $on)) unreachable", salt=str(time.time_ns()))
    (tmp_path / "killer.wasm").write_bytes(data)
    digest = components_digest(data)
    for _ in range(2):
        verifier = subprocess.Popen(
            [sys.executable, "-c", VERIFY, tmp_path / "killer.wasm"],
            env=child_environment,
            cwd=project_settings.BASE_DIR,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: runs(digest), "it is verified")
        finally:
            verifier.kill()
            verifier.wait()
        components.compiled_cache().lifeline.bury(set)
    with pytest.raises(PluginQuarantined):
        record_upload(data)
    assert not PluginVersion.objects.exists()
    assert AuditEntry.objects.get(act="upload").outcome == "plugin-quarantined"
    components.forgive(digest)


def components_digest(data: bytes) -> str:
    """Return the digest of a component's bytes."""
    import hashlib

    return hashlib.sha256(data).hexdigest()
