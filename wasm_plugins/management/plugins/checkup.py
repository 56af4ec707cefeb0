"""The checks of ``plugins doctor``: each tries one part for real, and never raises."""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import django_rq
from django.db import DatabaseError, InterfaceError, connections
from django.db.models import Q
from django.utils import timezone
from django_rq.settings import get_queues_map
from rq import Worker

from ... import components, storage
from ...capabilities import HTTP
from ...conf import conf
from ...exceptions import PluginError
from ...models import TaskRun
from ...runtime import sandbox
from ...runtime.compiled import CompiledCache
from ...runtime.compiler import digest_of
from ...runtime.component import Component
from ...runtime.linker import LinkedComponent
from ...snapshot import load_snapshot

_STALE: Final = timedelta(minutes=10)
_ANSWER: Final = 42
_SERIALIZER: Final = "rq.serializers.JSONSerializer"
"""A worker does not look at its queue's serializer: it has to be told."""

_PROBE: Final = bytes.fromhex(
    "0061736d0d000100012d0061736d010000000105016000017f03020100070501016600000a06010400412a0b0009046e"
    "616d650002016d0204010000000705014000007906070100000100016608060100000000000b0c010006616e73776572"
    "01000000260e636f6d706f6e656e742d6e616d65010600110100016d010600120100016901050101000166"
)
"""A component with the one export ``answer: func() -> u32``, which answers 42."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    is_good: bool
    message: str
    advice: str = ""
    """What to do next, where something is to be done."""


def check_storage() -> Iterator[Finding]:
    """List what was uploaded."""
    try:
        count = sum(1 for _ in storage.list_uploads())
    except PluginError as error:
        advice = f"check STORAGES[{conf.STORAGE_ALIAS!r}]: address, credentials, and the right to list"
        yield Finding("storage", False, error.message, advice)
        return
    yield Finding("storage", True, f"{count} objects under {storage.UPLOADS}")


def check_cache() -> Iterator[Finding]:
    """Open the folder of compiled code."""
    try:
        folder = components.compiled_cache().folder
    except (PluginError, OSError) as error:
        advice = "make the folder this user's alone (mode 0700), or set WASM_PLUGINS_CACHE_DIR to one that is"
        yield Finding("cache", False, str(error), advice)
        return
    size_bytes = sum(each.stat().st_size for each in folder.iterdir() if each.is_file())
    yield Finding("cache", True, f"{folder}, {size_bytes // 1_000_000} MB")


def check_engine() -> Iterator[Finding]:
    """Compile a component in the child process, and call it."""
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder:
            cache = CompiledCache(Path(folder))
            native = cache.load(digest_of(_PROBE), lambda: _PROBE)
            answer = sandbox.call(LinkedComponent(Component(native), {}), "answer")
    except (PluginError, OSError) as error:
        yield Finding("engine", False, str(error), "reinstall the package wasmtime, and see whether /tmp is writable")
        return
    took = f"{time.monotonic() - started:.1f} s"
    yield Finding("engine", answer == _ANSWER, f"compiled and called a component in {took}")


def check_queues() -> Iterator[Finding]:
    """Reach the Redis of every queue that enabled plugins use, and see whether a worker listens."""
    names = _queue_names()
    if not names:
        yield Finding("queues", True, "not needed yet: no enabled plugin has a task")
    for name in sorted(names):
        label = f"queue {name}"
        if name not in get_queues_map():
            yield Finding(label, False, "is not in RQ_QUEUES", "add it, or give the task another queue")
            continue
        try:
            queue = django_rq.get_queue(name)
            queue.connection.ping()
            workers = Worker.count(queue=queue)
        except Exception as error:  # redis, its transport and RQ have errors of their own
            yield Finding(label, False, f"{type(error).__name__}: {error}", "start Redis, or correct RQ_QUEUES")
            continue
        advice = "" if workers else f"start one: manage.py rqworker {name} --serializer {_SERIALIZER}"
        yield Finding(label, workers > 0, f"Redis answers, {workers} workers listen", advice)


def _queue_names() -> set[str]:
    """Return the queues of tasks and of routes that run as tasks; a plugin that is off needs none."""
    snapshot = load_snapshot()
    names = {task.queue for task in snapshot.tasks.values()}
    return names | {conf.QUEUE for route in snapshot.routes.values() if route.process_as_task}


def check_databases() -> Iterator[Finding]:
    """Reach every database that plugins may use, and see whether their SQL can be proved there."""
    for alias in sorted(set(conf.DATABASES.values())):
        label = f"database {alias}"
        try:
            vendor = connections[alias].vendor
            connections[alias].ensure_connection()
        except (DatabaseError, InterfaceError) as error:
            yield Finding(label, False, str(error).strip(), f"check DATABASES[{alias!r}]")
            continue
        is_good = vendor in ("postgresql", "sqlite")
        advice = "" if is_good else "use PostgreSQL or SQLite: plugins get an error for every statement"
        yield Finding(label, is_good, vendor, advice)


def check_http() -> Iterator[Finding]:
    """See whether plugins that may send requests can."""
    names = [plugin.name for plugin in load_snapshot().plugins.values() if HTTP in plugin.grants]
    if names:
        is_good = importlib.util.find_spec("httpcore") is not None
        advice = "" if is_good else "install django-wasm-plugins[http]: every request is answered with an error"
        yield Finding("http", is_good, f"needed by {', '.join(sorted(names))}", advice)


def check_runs() -> Iterator[Finding]:
    """Look for runs that nobody works on."""
    before = timezone.now() - _STALE
    waiting = Q(status__in=[TaskRun.Status.PENDING, TaskRun.Status.QUEUED], due_at__lt=before)
    silent = Q(status=TaskRun.Status.RUNNING, heartbeat_at__lt=before)
    count = TaskRun.objects.filter(waiting | silent).count()
    advice = "start manage.py plugins scheduler, which finds them, and enough workers" if count else ""
    minutes = int(_STALE.total_seconds() // 60)
    yield Finding("runs", count == 0, f"{count} stand still for more than {minutes} minutes", advice)


def _careful(check: Callable[[], Iterator[Finding]]) -> Callable[[], list[Finding]]:
    """Make a check tell of a database that is away instead of raising."""

    def run() -> list[Finding]:
        name = check.__name__.removeprefix("check_")
        try:
            return list(check())
        except (DatabaseError, InterfaceError) as error:
            return [Finding(name, False, str(error).strip(), "check DATABASES, and run manage.py migrate")]

    return run


CHECKS: Final = tuple(
    map(_careful, (check_storage, check_cache, check_engine, check_databases, check_queues, check_http, check_runs))
)
