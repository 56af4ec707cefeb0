"""One plugin spins in all the places that it has: others, and ordinary pages, go on being answered."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings as project_settings
from pytest_django import Settings

from tests.components import json_handler, ok, plugin_component, route, spin
from tests.hostile.server import Server, serving
from tests.installed import install
from wasm_plugins.models import Route
from wasm_plugins.registry import mark_changed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

CALLS = 40
PAGES = ("/", "/plugins/quiet/one")


@pytest.fixture(autouse=True)
def shared_storage(settings: Settings) -> None:
    """Keep plugins where the server looks for them."""
    folder = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(project_settings.DATA_DIR / "plugins")},
    }
    settings.STORAGES = {**settings.STORAGES, "plugins": folder}


def p95_s(server: Server) -> dict[str, float]:
    """Return how long all but the slowest twentieth of the answers took, by page; each must be a good one."""
    took: dict[str, list[float]] = {page: [] for page in PAGES}
    for _ in range(CALLS):
        for page in PAGES:
            started = time.monotonic()
            status, _body = server.get(page)
            took[page].append(time.monotonic() - started)
            assert status == 200
    return {page: sorted(times)[int(len(times) * 0.95)] for page, times in took.items()}


@contextmanager
def noise(server: Server, callers: int) -> Iterator[list[int]]:
    """Have clients call the plugin that spins, again and again, while the block runs; yields what they are answered."""
    over, statuses = threading.Event(), list[int]()

    def call() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                statuses.append(server.get("/plugins/noisy/one")[0])
            over.wait(0.1)  # as a client does that is told to come again later

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    try:
        yield statuses
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_ls_04_a_plugin_that_spins_in_all_its_places_slows_nobody_down_for_long(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    install(plugin_component("noisy", routes=[route("/noisy/one", json_handler(spin()))]))
    install(plugin_component("quiet", routes=[route("/quiet/one", json_handler(ok("{}")))]))
    Route.objects.update(access="public")
    mark_changed()
    with serving(tmp_path / "gunicorn.log", child_environment, workers=2, threads=12) as server:
        p95_s(server)  # both workers have loaded all there is
        idle = p95_s(server)
        with noise(server, callers=12) as statuses:
            noisy = p95_s(server)
        assert set(statuses) <= {503, 504}
        assert 503 in statuses
        # The machine is shared with whatever else runs, so the bound only tells a slow answer from a starved one.
        assert all(noisy[page] < max(10 * idle[page], 2.0) for page in PAGES), (idle, noisy)
