"""System checks: a setting that is wrong is said at start-up, with an id that never means anything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

from django.conf import settings as project
from django.core.checks import CheckMessage, Error, Warning, register
from django.utils.module_loading import import_string

from .alias_checks import check_databases
from .conf import PREFIX, conf, is_safe_mode, setting_names
from .host.http.addresses import NEVER
from .runtime.signing import check_public_key
from .schedule_checks import check_schedules
from .token_checks import check_tokens
from .trust import POLICIES

_AT_LEAST_ONE: Final = (
    "HOOK_DEADLINE_MS",
    "ROUTE_DEADLINE_MS",
    "TASK_DEADLINE_MS",
    "MANIFEST_DEADLINE_MS",
    "MEMORY_BYTES",
    "MEMORIES",
    "INSTANCES",
    "TABLES",
    "TABLE_ELEMENTS",
    "ARGUMENT_BYTES",
    "RESULT_BYTES",
    "HOST_CALLS",
    "MOVED_BYTES",
    "LOG_BYTES",
    "LOG_LINES",
    "SQL_STATEMENTS",
    "SQL_ROWS",
    "HTTP_REQUESTS",
    "HTTP_BODY_BYTES",
    "KEYVALUE_KEYS",
    "KEYVALUE_BYTES",
    "KEYVALUE_KEY_BYTES",
    "KEYVALUE_VALUE_BYTES",
    "SCHEDULE_INTERVAL_S",
    "CONCURRENT_CALLS",
    "CALL_DEPTH",
    "COMPONENT_BYTES",
    "REQUEST_BODY_BYTES",
    "RESPONSE_BODY_BYTES",
    "FRAGMENT_BYTES",
    "CACHE_BYTES",
    "STORAGE_SILENCE_S",
    "STORAGE_READ_S",
    "HTTP_TIMEOUT_MS",
    "HTTP_CONNECT_TIMEOUT_MS",
    "CONCURRENT_CALLS",
    "BREAKER_FAILURES",
    "BREAKER_WINDOW_S",
    "BREAKER_SLEEP_S",
    "BREAKER_LONGEST_SLEEP_S",
    "AUDIT_RETENTION_DAYS",
    "RUN_RETENTION_DAYS",
    "LEASE_S",
    "PENDING_RUNS",
    "API_TOKEN_DAYS",
    "API_TOKEN_MAX_DAYS",
    "API_UPLOADS_PER_MINUTE",
    "API_CONCURRENT_UPLOADS",
)
_AT_LEAST_ZERO: Final = ("SYNC_INTERVAL_S", "PROCESS_REPORT_S", "KEPT_CALLS")
_YES_OR_NO: Final = ("SAFE_MODE", "TWO_PERSONS", "AUDIT_HOOKS")
JSON_SERIALIZER: Final = "rq.serializers.JSONSerializer"
"""As pickle, a job would be code that whoever can write to Redis runs in the workers."""

UPGRADES: Final = ("approve", "same-capabilities", "signed")

RUNNERS: Final = ("auto", "required", "off")
"""When SQL on PostgreSQL runs with the rights of the plugin's own role."""

_SECRET_KEY_CHARS: Final = 32
"""Fewer could be guessed: keys are derived without stretching."""


@register("wasm_plugins")
def check_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check every setting of this app."""
    return [
        *_check_names(),
        *_check_storage(),
        *_check_upgrades(),
        *_check_signatures(),
        *check_databases(),
        *_check_runner(),
        *_check_numbers(),
        *_check_sizes(),
        *_check_queue(),
        *_check_cache(),
        *_check_private_networks(),
        *_check_authenticator(),
        *_check_switches(),
        *_check_secret_keys(),
        *check_schedules(),
        *check_tokens(),
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


def _check_signatures() -> Iterator[CheckMessage]:
    if conf.SIGNATURES not in POLICIES:
        yield Error(
            f"{PREFIX}SIGNATURES is {conf.SIGNATURES!r}.",
            hint=f"Use one of {', '.join(POLICIES)}.",
            id="wasm_plugins.E070",
        )
    keys = conf.TRUSTED_KEYS
    if not isinstance(keys, Mapping):
        yield Error(f"{PREFIX}TRUSTED_KEYS must be a dictionary.", id="wasm_plugins.E071")
        return
    for name, key in keys.items():
        try:
            check_public_key(key if isinstance(key, str) else "")
        except ValueError as error:
            yield Error(f"{PREFIX}TRUSTED_KEYS: {name}: {error}.", id="wasm_plugins.E071")


def _check_runner() -> Iterator[CheckMessage]:
    if conf.DATABASE_RUNNER not in RUNNERS:
        yield Error(
            f"{PREFIX}DATABASE_RUNNER is {conf.DATABASE_RUNNER!r}.",
            hint=f"Use one of {', '.join(RUNNERS)}.",
            id="wasm_plugins.E040",
        )


def _check_numbers() -> Iterator[CheckMessage]:
    for name in _AT_LEAST_ONE:
        if not _is_number(getattr(conf, name), least=1):
            yield Error(f"{PREFIX}{name} must be a whole number of at least 1.", id="wasm_plugins.E004")
    for name in _AT_LEAST_ZERO:
        if not _is_number(getattr(conf, name), least=0):
            yield Error(f"{PREFIX}{name} must be a whole number of at least 0.", id="wasm_plugins.E004")


def _check_sizes() -> Iterator[CheckMessage]:
    for smaller, larger in (("REQUEST_BODY_BYTES", "ARGUMENT_BYTES"), ("RESPONSE_BODY_BYTES", "RESULT_BYTES")):
        sizes = getattr(conf, smaller), getattr(conf, larger)
        if all(_is_number(size, least=1) for size in sizes) and sizes[0] > sizes[1]:
            yield Warning(
                f"{PREFIX}{smaller} is {sizes[0]}, but {PREFIX}{larger} lets only {sizes[1]} bytes through.",
                hint=f"Raise {PREFIX}{larger}; JSON can be three times as long as the body that it was read from.",
                id="wasm_plugins.W020",
            )


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
            hint=f'Add "SERIALIZER": "{JSON_SERIALIZER}", and start workers with manage.py plugins worker.',
            id="wasm_plugins.W003",
        )


def _check_cache() -> Iterator[CheckMessage]:
    if conf.CACHE_DIR is not None and not isinstance(conf.CACHE_DIR, (str, Path)):
        yield Error(f"{PREFIX}CACHE_DIR must be a path or None.", id="wasm_plugins.E006")


def _check_private_networks() -> Iterator[CheckMessage]:
    texts = conf.HTTP_PRIVATE_NETWORKS
    if not isinstance(texts, (list, tuple)):
        yield Error(f"{PREFIX}HTTP_PRIVATE_NETWORKS must be a list of networks.", id="wasm_plugins.E010")
        return
    for text in texts:
        try:
            network = ip_network(text if isinstance(text, str) else "")
        except ValueError:
            yield Error(
                f"{PREFIX}HTTP_PRIVATE_NETWORKS has {text!r:.80}, which is no network.",
                hint='Write it as CIDR, for example "10.0.5.0/24"; no bit after the prefix may be set.',
                id="wasm_plugins.E010",
            )
            continue
        if any(network.version == each.version and network.overlaps(each) for each in NEVER):
            yield Warning(
                f"{PREFIX}HTTP_PRIVATE_NETWORKS has {text}, parts of which stay closed.",
                hint="No plugin reaches link-local addresses, clouds' metadata or multicast. Name a narrower network.",
                id="wasm_plugins.W010",
            )


def _check_authenticator() -> Iterator[CheckMessage]:
    if conf.AUTHENTICATOR is None:
        return
    try:
        is_function = callable(import_string(conf.AUTHENTICATOR))
    except (ImportError, TypeError, AttributeError):
        is_function = False
    if not is_function:
        yield Error(
            f"{PREFIX}AUTHENTICATOR is {conf.AUTHENTICATOR!r}, which is no function that can be imported.",
            hint="Name one by its dotted path; it takes a request and returns a user or None.",
            id="wasm_plugins.E020",
        )


def _check_switches() -> Iterator[CheckMessage]:
    for name in _YES_OR_NO:
        if not isinstance(getattr(conf, name), bool):
            yield Error(f"{PREFIX}{name} must be True or False.", id="wasm_plugins.E030")
    if is_safe_mode():
        yield Warning(
            "Safe mode is on: no plugin is loaded, compiled or called.",
            hint=f"Disable what does harm, then unset {PREFIX}SAFE_MODE.",
            id="wasm_plugins.W030",
        )


def _check_secret_keys() -> Iterator[CheckMessage]:
    keys = conf.SECRET_KEYS
    is_list = isinstance(keys, (list, tuple))
    if not is_list or not all(isinstance(key, str) and len(key) >= _SECRET_KEY_CHARS for key in keys):
        yield Error(
            f"{PREFIX}SECRET_KEYS must be a list of texts of at least {_SECRET_KEY_CHARS} characters.",
            hint="Make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'.",
            id="wasm_plugins.E031",
        )
