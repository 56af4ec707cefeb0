"""Deadlines hold in every kind of process that runs plugins: preloaded web workers, and each kind of RQ worker."""

from __future__ import annotations

import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as project_settings
from pytest_django import Settings

from project.stack.parts import free_ports
from project.stack.processes import running
from tests.components import json_handler, spin
from tests.hostile.plugins.hostile import component, wasi_probe
from tests.installed import install
from tests.runtime.components import SPIN, linked
from tests.tasks.installed import install_plugin
from wasm_plugins import get_plugin_manager, lifecycle
from wasm_plugins.exceptions import DeadlineExceeded
from wasm_plugins.models import TaskRun
from wasm_plugins.registry import registry
from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.tasks import request_run

pytestmark = pytest.mark.django_db(transaction=True)
LATE_S = 5.0
WORKERS = ("rq.worker.Worker", "rq.worker.SimpleWorker", "tests.integration.spawned.DjangoSpawnWorker")


@pytest.fixture(autouse=True)
def shared_storage(settings: Settings) -> Iterator[None]:
    """Keep plugins where other processes look for them, and begin and end without knowing any."""
    folder = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(project_settings.DATA_DIR / "plugins")},
    }
    settings.STORAGES = {**settings.STORAGES, "plugins": folder}
    registry.invalidate()
    yield
    registry.invalidate()


def _status(url: str) -> int:
    """Return what a URL answers, or 0 while nobody does."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310  http on loopback
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_a_spin_ends_in_a_thread_of_a_worker_that_was_forked_from_a_master_with_an_engine(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    lifecycle.set_limits(install(component({"spin": spin()})), {"route_deadline_ms": 500})
    (port,) = free_ports(1)
    arguments = [
        *(sys.executable, "-m", "gunicorn", "tests.integration.gunicorn_preloaded", "--preload"),
        *("--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "4", "--no-control-socket"),
    ]
    log_path = tmp_path / "web.log"
    root = project_settings.BASE_DIR
    with running("web", arguments, log_path=log_path, folder=root, environment=child_environment, grace_s=4) as child:
        url = f"http://127.0.0.1:{port}/plugins/hostile"
        child.wait_until(lambda: _status(f"{url}/well") == 200, timeout_s=60)
        begun = time.monotonic()
        assert _status(f"{url}/spin") == 504, child.last_lines()
        assert 0.5 <= time.monotonic() - begun < 0.5 + LATE_S
        assert _status(f"{url}/well") == 200


@pytest.mark.parametrize("worker_class", WORKERS)
def test_a_spin_ends_in_every_kind_of_worker(
    child_environment: dict[str, str], tmp_path: Path, rq_queue: str, worker_class: str
) -> None:
    install_plugin("spinner", {"spin": json_handler(spin())}, declared={"timeout_s": 1})
    run = request_run(plugin="spinner", handler="spin", input_text="{}")
    root = project_settings.BASE_DIR
    options = ["--serializer", "rq.serializers.JSONSerializer", "--worker-class", worker_class]
    arguments = [sys.executable, str(root / "manage.py"), "rqworker", rq_queue, *options]
    log_path = tmp_path / "worker.log"
    with running(
        "worker", arguments, log_path=log_path, folder=root, environment=child_environment, grace_s=2
    ) as child:
        child.wait_until(lambda: _is_over(run), timeout_s=40)
    assert (run.status, run.error_code) == (TaskRun.Status.FAILED, "deadline-exceeded")
    assert run.started_at is not None and run.finished_at is not None
    assert (run.finished_at - run.started_at).total_seconds() < 1 + LATE_S
    used_ms, limit_ms = run.used["deadline_ms"]
    assert (limit_ms, used_ms >= 1_000) == (1_000, True)


def _is_over(run: TaskRun) -> bool:
    run.refresh_from_db()
    return run.status in (TaskRun.Status.FINISHED, TaskRun.Status.FAILED)


@pytest.fixture
def busy() -> Iterator[None]:
    """Keep 32 Python threads busy."""
    stop = threading.Event()

    def burn() -> None:
        while not stop.is_set():
            sum(range(1_000))

    threads = [threading.Thread(target=burn) for _ in range(32)]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("busy")
def test_a_spin_ends_beside_32_busy_threads() -> None:
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        sandbox.call(linked(SPIN), "run", limits=Limits(deadline_ms=200))
    assert 0.2 <= time.monotonic() - begun < 2 * LATE_S


@pytest.mark.parametrize("hook", ["sleep", "poll"])
def test_a_sleep_ends_beside_32_busy_threads(hook: str, request: pytest.FixtureRequest) -> None:
    install(wasi_probe())
    get_plugin_manager().call_hook_dynamic("surroundings", 0)
    request.getfixturevalue("busy")
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        get_plugin_manager().call_hook_dynamic(hook, 3600 * 10**9, deadline_ms=300)
    assert 0.3 <= time.monotonic() - begun < 2 * LATE_S
