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
from django.db.models import F, Q
from django.utils import timezone
from django_rq.settings import get_queues_map
from rq import Worker

from ... import components, storage
from ...capabilities import HTTP
from ...conf import PREFIX, conf, is_safe_mode
from ...database_checks import plugins_without_runner
from ...exceptions import PluginError
from ...host.sql import roles_apply
from ...models import Plugin, Secret, TaskRun, VersionHealth
from ...runtime import sandbox
from ...runtime.compiled import CompiledCache
from ...runtime.compiler import digest_of
from ...runtime.component import Component
from ...runtime.linker import LinkedComponent
from ...secret_acts import find_unreadable
from ...snapshot import load_snapshot
from ...trust import OFF, load_keys, objection_to

_STALE: Final = timedelta(minutes=10)
_ANSWER: Final = 42

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
        cache = components.compiled_cache()
        folder = cache.folder
    except (PluginError, OSError) as error:
        advice = "make the folder this user's alone (mode 0700), or set WASM_PLUGINS_CACHE_DIR to one that is"
        yield Finding("cache", False, str(error), advice)
        return
    if cache.problem:
        advice = "plugins work, and are compiled in every process: make the folder writable, or free some disk"
        yield Finding("cache", False, cache.problem, advice)
        return
    size_bytes = sum(each.stat().st_size for each in folder.iterdir() if each.is_file())
    yield Finding("cache", True, f"{folder}, {size_bytes // 1_000_000} MB")


def check_engine() -> Iterator[Finding]:
    """Compile a component in the child process, and call it."""
    if is_safe_mode():
        return
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
        advice = "" if workers else f"start one: manage.py plugins worker {name}"
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


def check_roles() -> Iterator[Finding]:
    """See who the host is on PostgreSQL, and whether plugins' rights there are what was granted."""
    for alias in roles_apply.aliases():
        label = f"roles on {alias}"
        if powers := roles_apply.powers_beyond(alias):
            advice = "connect as a role without such powers that owns the project's tables"
            yield Finding(label, False, f"this project is {', '.join(powers)}", advice)
        elif conf.DATABASE_RUNNER != "off":
            without = plugins_without_runner(alias)
            advice = f"manage.py plugins database --apply --using {alias}" if without else ""
            shown = f"without a role of their own: {', '.join(without)}" if without else "every plugin has its own"
            yield Finding(label, not without or conf.DATABASE_RUNNER != "required", shown, advice)


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
    silent = Q(status=TaskRun.Status.RUNNING, lease_until__lt=before)
    count = TaskRun.objects.filter(waiting | silent).count()
    advice = "start manage.py plugins scheduler, which finds them, and enough workers" if count else ""
    minutes = int(_STALE.total_seconds() // 60)
    yield Finding("runs", count == 0, f"{count} stand still for more than {minutes} minutes", advice)


def check_signatures() -> Iterator[Finding]:
    """Look for enabled plugins whose signature is not trusted, where the project wants signatures."""
    if conf.SIGNATURES == OFF:
        yield Finding("signatures", True, "not asked for")
        return
    keys = load_keys()
    rows = Plugin.objects.filter(is_enabled=True).exclude(current_version=None).select_related("current_version")
    bad = {row.name: objection_to(row.current_version, keys) for row in rows if row.current_version is not None}
    found = [f"{name}: {objection}" for name, objection in sorted(bad.items()) if objection]
    advice = "have it signed, trust its key in the admin, or go back to a version that is trusted" if found else ""
    yield Finding("signatures", not found, "; ".join(found) or f"{len(bad)} enabled plugins are trusted", advice)


def check_health() -> Iterator[Finding]:
    """Look for versions that sleep or are in quarantine."""
    if is_safe_mode():
        yield Finding("safe mode", False, "is on: no plugin is loaded", f"unset {PREFIX}SAFE_MODE")
    ill = VersionHealth.objects.exclude(open_until=None, quarantined_at=None).select_related("version__plugin")
    for health in ill.filter(version__plugin__current_version=F("version")):
        name = health.version.plugin.name
        if health.quarantined_at is not None:
            said = f"version {health.version.number} is in quarantine: {health.deaths} processes died while it ran"
        else:
            said = f"version {health.version.number} is asleep after failures: {health.last_error_code}"
        yield Finding(f"plugin {name}", False, said, f"disable it or roll back; plugins release {name} ends this")


def check_secrets() -> Iterator[Finding]:
    """Decrypt every secret, as a plugin's call would."""
    unreadable = [f"{plugin.name}: {name}" for plugin in Plugin.objects.all() for name in find_unreadable(plugin)]
    if unreadable:
        said = f"cannot be decrypted: {', '.join(unreadable)}"
        yield Finding("secrets", False, said, "bring their key back, or set them again: manage.py plugins secrets set")
    else:
        yield Finding("secrets", True, f"{Secret.objects.count()} are set, all can be decrypted")


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
    map(
        _careful,
        (
            check_storage,
            check_cache,
            check_engine,
            check_databases,
            check_roles,
            check_queues,
            check_runs,
            check_signatures,
            check_health,
            check_secrets,
            check_http,
        ),
    )
)
