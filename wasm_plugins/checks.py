"""System checks: a setting that is wrong is said at start-up, with an id that never means anything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from django.conf import settings as project
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import connections

from .conf import PREFIX, conf, setting_names

_AT_LEAST_ONE: Final = (
    "HOOK_DEADLINE_MS",
    "ROUTE_DEADLINE_MS",
    "TASK_DEADLINE_MS",
    "MANIFEST_DEADLINE_MS",
    "MEMORY_BYTES",
    "LOG_BYTES",
    "CALL_DEPTH",
    "COMPONENT_BYTES",
    "REQUEST_BODY_BYTES",
    "RESPONSE_BODY_BYTES",
)
JSON_SERIALIZER: Final = "rq.serializers.JSONSerializer"
"""As pickle, a job would be code that whoever can write to Redis runs in the workers."""

_SECRET_KEY_CHARS: Final = 32
"""Fewer could be guessed: keys are derived without stretching."""

UPGRADES: Final = ("approve", "same-capabilities")


@register("wasm_plugins")
def check_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check every setting of this app."""
    return [
        *_check_names(),
        *_check_storage(),
        *_check_upgrades(),
        *_check_databases(),
        *_check_numbers(),
        *_check_queue(),
        *_check_cache(),
        *_check_secret_keys(),
    ]


def _check_names() -> Iterator[CheckMessage]:
    known = {PREFIX + name for name in setting_names()}
    for name in dir(project):
        if name.startswith(PREFIX) and name not in known:
            yield Warning(
                f"{name} is no setting of wasm_plugins.",
                hint=f"Known are {', '.join(sorted(known))}.",
                id="wasm_plugins.W001",
            )


def _check_storage() -> Iterator[CheckMessage]:
    if conf.STORAGE_ALIAS not in project.STORAGES:
        yield Error(
            f"STORAGES has no {conf.STORAGE_ALIAS!r}, where plugins are kept.",
            hint='Add e.g. {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": …}}.'
            " It must not be a folder that the web server serves.",
            id="wasm_plugins.E001",
        )


def _check_upgrades() -> Iterator[CheckMessage]:
    if conf.UPGRADES not in UPGRADES:
        yield Error(
            f"{PREFIX}UPGRADES is {conf.UPGRADES!r}.",
            hint=f"Use one of {', '.join(UPGRADES)}.",
            id="wasm_plugins.E002",
        )


def _check_databases() -> Iterator[CheckMessage]:
    databases = conf.DATABASES
    if not isinstance(databases, Mapping):
        yield Error(f"{PREFIX}DATABASES must be a dictionary.", id="wasm_plugins.E003")
        return
    for name, alias in databases.items():
        if alias not in connections:
            yield Error(
                f"{PREFIX}DATABASES maps {name!r} to {alias!r}, which is not in DATABASES.",
                id="wasm_plugins.E003",
            )
        elif connections[alias].vendor not in ("postgresql", "sqlite"):
            yield Warning(
                f"Plugins cannot use the database {alias!r}: nothing proves their SQL on {connections[alias].vendor}.",
                hint="Their statements are answered with an error. PostgreSQL and SQLite are supported.",
                id="wasm_plugins.W002",
            )


def _check_numbers() -> Iterator[CheckMessage]:
    for name in _AT_LEAST_ONE:
        if not _is_number(getattr(conf, name), least=1):
            yield Error(f"{PREFIX}{name} must be a whole number of at least 1.", id="wasm_plugins.E004")
    if not _is_number(conf.SYNC_INTERVAL_S, least=0):
        yield Error(f"{PREFIX}SYNC_INTERVAL_S must be a whole number of at least 0.", id="wasm_plugins.E004")


def _is_number(value: Any, *, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _check_queue() -> Iterator[CheckMessage]:
    queues = getattr(project, "RQ_QUEUES", {})
    if conf.QUEUE not in queues:
        yield Error(
            f"RQ_QUEUES has no {conf.QUEUE!r}, where tasks of plugins wait.",
            hint=f"Add it, or name another one in {PREFIX}QUEUE.",
            id="wasm_plugins.E005",
        )
    elif queues[conf.QUEUE].get("SERIALIZER") != JSON_SERIALIZER:
        yield Warning(
            f"RQ_QUEUES[{conf.QUEUE!r}] lacks RQ's JSON serializer, which jobs of plugins are written with.",
            hint=f'Add "SERIALIZER": "{JSON_SERIALIZER}", and start workers with --serializer {JSON_SERIALIZER}.',
            id="wasm_plugins.W003",
        )


def _check_cache() -> Iterator[CheckMessage]:
    if conf.CACHE_DIR is not None and not isinstance(conf.CACHE_DIR, (str, Path)):
        yield Error(f"{PREFIX}CACHE_DIR must be a path or None.", id="wasm_plugins.E006")


def _check_secret_keys() -> Iterator[CheckMessage]:
    keys = conf.SECRET_KEYS
    is_list = isinstance(keys, (list, tuple))
    if not is_list or not all(isinstance(key, str) and len(key) >= _SECRET_KEY_CHARS for key in keys):
        yield Error(
            f"{PREFIX}SECRET_KEYS must be a list of texts of at least {_SECRET_KEY_CHARS} characters.",
            hint="Make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'.",
            id="wasm_plugins.E031",
        )
