"""The checks of ``plugins doctor`` that try the parts which plugins need, each for real."""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import django_rq
from django.db import DatabaseError, InterfaceError, connections
from django_rq.settings import get_queues_map
from rq import Worker

from ... import components, storage
from ...capabilities import HTTP
from ...conf import conf, is_safe_mode
from ...database_checks import plugins_without_runner
from ...exceptions import PluginError
from ...host.sql import roles_apply
from ...runtime import sandbox
from ...runtime.compiled import CompiledCache
from ...runtime.compiler import digest_of
from ...runtime.linker import LinkedComponent
from ...snapshot import load_snapshot
from .finding import Finding

_ANSWER: Final = 42

_PROBE: Final = bytes.fromhex(
    "0061736d0d000100012d0061736d010000000105016000017f03020100070501016600000a06010400412a0b0009046e"
    "616d650002016d0204010000000705014000007906070100000100016608060100000000000b0c010006616e73776572"
    "01000000260e636f6d706f6e656e742d6e616d65010600110100016d010600120100016901050101000166"
)
"""A component with the one export ``answer: func() -> u32``, which answers 42."""


def check_storage() -> Iterator[Finding]:
    """List what was uploaded."""
    try:
        count = sum(1 for _ in storage.list_uploads())
    except PluginError as error:
        advice = f"check STORAGES[{conf.STORAGE_ALIAS!r}]: address, credentials, and the right to list"
        yield Finding("storage", False, error.message, advice)
        return
    objects = "1 object" if count == 1 else f"{count} objects"
    yield Finding("storage", True, f"{objects} under {storage.UPLOADS}")


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
            component = cache.load(digest_of(_PROBE), lambda: _PROBE)
            answer = sandbox.call(LinkedComponent(component, {}), "answer")
    except (PluginError, OSError) as error:
        yield Finding("engine", False, str(error), "reinstall the package wasmtime, and see whether /tmp is writable")
        return
    took = f"{time.monotonic() - started:.1f} s"
    yield Finding("engine", answer == _ANSWER, f"compiled and called a component in {took}")


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


def check_queues() -> Iterator[Finding]:
    """Reach the Redis of every queue that enabled plugins use, and see whether a worker listens."""
    users = _queue_users()
    if not users:
        yield Finding("queues", True, "not needed yet: no enabled plugin has a task")
    for name, plugins in sorted(users.items()):
        label, needed = f"queue {name}", f"needed by {', '.join(sorted(plugins))}"
        if name not in get_queues_map():
            yield Finding(label, False, f"is not in RQ_QUEUES; {needed}", "add it, or give the task another queue")
            continue
        try:
            queue = django_rq.get_queue(name)
            queue.connection.ping()
            workers = Worker.count(queue=queue)
        except Exception as error:  # redis, its transport and RQ have errors of their own
            message = f"{type(error).__name__}: {error}; {needed}"
            yield Finding(label, False, message, "start Redis, or correct RQ_QUEUES")
            continue
        yield _listening(label, workers, needed, f"start one: manage.py plugins worker {name}")


def _listening(label: str, workers: int, needed: str, advice: str) -> Finding:
    if workers == 0:
        return Finding(label, False, f"Redis answers, no worker listens; {needed}", advice)
    listen = "1 worker listens" if workers == 1 else f"{workers} workers listen"
    return Finding(label, True, f"Redis answers, {listen}")


def _queue_users() -> dict[str, set[str]]:
    """Return which plugins use each queue, for tasks or for routes that run as tasks; one that is off uses none."""
    snapshot = load_snapshot()
    users: defaultdict[str, set[str]] = defaultdict(set)
    for task in snapshot.tasks.values():
        users[task.queue].add(task.plugin.name)
    for route in snapshot.routes.values():
        if route.process_as_task:
            users[conf.QUEUE].add(route.plugin.name)
    return dict(users)


def check_http() -> Iterator[Finding]:
    """See whether plugins that may send requests can."""
    names = [plugin.name for plugin in load_snapshot().plugins.values() if HTTP in plugin.grants]
    if names:
        is_good = importlib.util.find_spec("httpcore") is not None
        advice = "" if is_good else "install django-wasm-plugins[http]: every request is answered with an error"
        yield Finding("http", is_good, f"needed by {', '.join(sorted(names))}", advice)
