"""Hosts of two releases at once: a worker that cannot run what is asked for says so and leaves it to others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from tests.components import Function, idempotency_key, json_handler, ok
from tests.tasks.installed import install_plugin
from tests.workers import Workers, is_over, is_pending, wait
from wasm_plugins import components
from wasm_plugins.host import host_interfaces
from wasm_plugins.models import Plugin, TaskRun
from wasm_plugins.runtime.contract import RUN
from wasm_plugins.tasks import perform_run, request_run, sweep
from wasm_plugins.tasks.outcome import MOST_SPARED

pytestmark = pytest.mark.django_db(transaction=True)

Status = TaskRun.Status


def _install(task: Function) -> Plugin:
    return install_plugin("loyalty", {"recount": task}, declared={"timeout_s": 5})


def _ask() -> TaskRun:
    return request_run(plugin="loyalty", handler="recount", input_text="{}")


def _perform(run: TaskRun) -> TaskRun:
    TaskRun.objects.filter(pk=run.pk).update(due_at=timezone.now())
    perform_run(str(run.pk))
    run.refresh_from_db()
    return run


@contextmanager
def _older_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be a host of a release that did not offer ``plugins-manager:tasks/run`` yet."""
    offered = {name: each for name, each in host_interfaces().items() if name != RUN}
    components.forget(())
    with monkeypatch.context() as patch:
        patch.setattr(components, "host_interfaces", lambda: offered)
        yield
    components.forget(())


def test_if_10_a_worker_that_knew_version_1_runs_version_2_as_soon_as_it_is_asked_for(workers: Workers) -> None:
    _install(json_handler(ok('"one"')))
    with workers.start("--simple"):  # one process, which remembers what it knew
        first = wait(_ask(), is_over)
        _install(json_handler(ok('"two"')))
        second = wait(_ask(), is_over)
    assert [(each.result, each.version and each.version.number) for each in (first, second)] == [
        ('"one"', 1),
        ('"two"', 2),
    ]


def test_if_10_a_plugin_for_a_newer_host_is_left_to_a_worker_that_can(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(json_handler(ok('"done"', first=[idempotency_key()])))
    run = _ask()
    with _older_host(monkeypatch):
        _perform(run)
    assert (run.status, run.error_code, run.attempts, run.spared) == (Status.PENDING, "link-error", 1, 1)
    assert f"imports {RUN}, which this host does not offer" in run.error
    assert (_perform(run).status, run.result) == (Status.FINISHED, '"done"')


def test_if_10_a_plugin_that_no_worker_can_run_fails_in_the_end_and_says_why(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(json_handler(ok('"done"', first=[idempotency_key()])))
    run = _ask()
    with _older_host(monkeypatch):
        states = [_perform(run).status for _ in range(MOST_SPARED + 1)]
    assert states == [Status.PENDING] * MOST_SPARED + [Status.FAILED]
    assert (run.error_code, run.attempts) == ("link-error", MOST_SPARED + 1)


def test_if_10_a_worker_that_lacks_the_bytes_declines_and_another_performs_the_run(
    workers: Workers, tmp_path: Path
) -> None:
    _install(json_handler(ok('"done"')))
    run = _ask()
    elsewhere: dict[str, Any] = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(tmp_path / "nothing")},
    }
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    code = f"STORAGES = {{**STORAGES, 'plugins': {elsewhere!r}}}"
    with workers.start(settings={"WASM_PLUGINS_CACHE_DIR": str(cache)}, code=code):
        wait(run, is_pending)
    assert (run.error_code, run.spared) == ("artifact-error", 1)
    TaskRun.objects.filter(pk=run.pk).update(due_at=timezone.now())
    assert sweep().enqueued == 1
    with workers.start():
        assert (wait(run, is_over).status, run.result) == (Status.FINISHED, '"done"')


@contextmanager
def _without_column(name: str) -> Iterator[None]:
    """Be in the midst of a migration: the code knows a column that the table does not have yet."""
    _rename(name, "not_yet")
    try:
        yield
    finally:
        _rename("not_yet", name)


def _rename(before: str, after: str) -> None:
    with connection.cursor() as cursor:  # a new one each time: a worker's function closes connections
        cursor.execute(f"ALTER TABLE wasm_plugins_taskrun RENAME COLUMN {before} TO {after}")


@pytest.mark.parametrize("column", ["lease_until", "spared"])
def test_if_10_a_worker_ahead_of_the_schema_leaves_the_run_as_it_was(workers: Workers, column: str) -> None:
    _install(json_handler(ok('"done"')))
    run = _ask()
    with _without_column(column), pytest.raises(DatabaseError):
        perform_run(str(run.pk))
    run.refresh_from_db()
    assert (run.status, run.attempts, run.error) == (Status.QUEUED, 0, "")
    assert (_perform(run).status, run.attempts) == (Status.FINISHED, 1)


def test_if_10_a_release_that_does_not_know_a_column_can_still_write_runs(workers: Workers) -> None:
    plugin = _install(json_handler(ok('"done"')))
    run = _ask()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM wasm_plugins_taskrun")
        names = [each.name for each in cursor.description or () if each.name not in ("spared", "lease_until", "id")]
        columns = ", ".join(names)
        cursor.execute(
            f"INSERT INTO wasm_plugins_taskrun (id, {columns}) SELECT gen_random_uuid(), {columns}"
            " FROM wasm_plugins_taskrun RETURNING id"
        )
        ((written,),) = cursor.fetchall()
    assert TaskRun.objects.filter(plugin=plugin).count() == 2
    assert _perform(TaskRun.objects.get(pk=written)).status == Status.FINISHED
    assert run.status == Status.QUEUED
