"""The settings of this app, read when used, each ``WASM_PLUGINS_<NAME>`` in the project's settings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from django.conf import settings as project

PREFIX: Final = "WASM_PLUGINS_"


class Settings:
    """Typed settings with their defaults; a project's value wins, and ``override_settings`` is seen at once."""

    STORAGE_ALIAS: str = "plugins"
    """Key in Django's ``STORAGES`` of the storage that holds components."""

    CACHE_DIR: str | Path | None = None
    """Folder for compiled code, private to this user; ``None`` means ``wasm-plugins`` in the user's cache folder."""

    CACHE_BYTES: int = 2 * 1024**3
    """How much compiled code is kept on a machine, in bytes; the least recently used goes first."""

    STORAGE_SILENCE_S: int = 5
    """How long the storage of components may take to connect or to send the next bytes, in seconds."""

    STORAGE_READ_S: int = 60
    """How long reading one component from storage may take altogether, in seconds."""

    UPGRADES: str = "approve"
    """When a new version of an enabled plugin goes live: ``"approve"`` waits for an admin, ``"same-capabilities"`` lets
    it go live by itself unless it asks for more, ``"signed"`` does if it is signed with a trusted key as well."""

    SIGNATURES: str = "off"
    """What a signature is worth: ``"off"`` shows it, ``"warn"`` also says of a version that it is not trusted,
    ``"enforce"`` takes and serves only what is signed with a trusted key."""

    TRUSTED_KEYS: Mapping[str, str] = {}
    """Ed25519 public keys in hexadecimal by the name of whose they are, beside those of the admin."""

    SYNC_INTERVAL_S: int = 60
    """How often the fleet looks into storage by itself, in seconds; 0 means only when told to."""

    PROCESS_REPORT_S: int = 60
    """How often a process that is called says that it serves, and which generation, in seconds; 0 means never."""

    DATABASES: Mapping[str, str] = {"default": "default", "hasura": "default", "keycloak": "default"}
    """Which Django database alias each database name that plugins use stands for."""

    DATABASE_RUNNER: str = "auto"
    """Whether SQL on PostgreSQL runs in a function with the plugin's own rights: ``"auto"`` where ``plugins database``
    made one, ``"required"`` there or not at all, ``"off"`` never."""

    HOOK_DEADLINE_MS: int = 1_000
    """Wall-clock budget of one plugin's answer to a hook, in milliseconds."""

    ROUTE_DEADLINE_MS: int = 2_000
    """Wall-clock budget of one route call, in milliseconds."""

    TASK_DEADLINE_MS: int = 60_000
    """Wall-clock budget of one run of a task that names none itself, in milliseconds."""

    MANIFEST_DEADLINE_MS: int = 2_000
    """Wall-clock budget of ``get-manifest`` at verification, in milliseconds."""

    MEMORY_BYTES: int = 64 * 1024 * 1024
    """Largest size of all linear memories of one call together, in bytes; each may have an equal share."""

    MEMORIES: int = 4
    """How many linear memories one call may have."""

    INSTANCES: int = 64
    """How many core instances one call may have."""

    TABLES: int = 8
    """How many tables one call may have."""

    TABLE_ELEMENTS: int = 20_000
    """How many elements each table may have."""

    ARGUMENT_BYTES: int = 4 * 1024 * 1024
    """What the arguments of one call may weigh together, in bytes."""

    RESULT_BYTES: int = 8 * 1024 * 1024
    """What the answer of one call may weigh, in bytes."""

    HOST_CALLS: int = 10_000
    """How many functions of the host one call may call."""

    MOVED_BYTES: int = 32 * 1024 * 1024
    """What the arguments and answers of all functions of the host may weigh together in one call, in bytes."""

    LOG_BYTES: int = 64 * 1024
    """How much one call may write to its log, in bytes."""

    LOG_LINES: int = 200
    """How many lines one call may write to its log."""

    SQL_STATEMENTS: int = 50
    """How many SQL statements one call may run."""

    SQL_ROWS: int = 1_000
    """How many rows one SQL statement may answer."""

    HTTP_REQUESTS: int = 8
    """How many HTTP requests one call may send."""

    HTTP_BODY_BYTES: int = 1024 * 1024
    """Largest body of an HTTP request of a plugin, and of its response, in bytes."""

    KEYVALUE_KEYS: int = 10_000
    """How many keys one plugin may keep in its key-value store."""

    KEYVALUE_BYTES: int = 10 * 1024 * 1024
    """What one plugin's keys and values may have together, in bytes."""

    KEYVALUE_KEY_BYTES: int = 256
    """Longest key of a key-value store, in bytes; 1,024 at most."""

    KEYVALUE_VALUE_BYTES: int = 256 * 1024
    """Largest value of a key-value store, in bytes."""

    CONCURRENT_CALLS: int = 4
    """How many calls of one plugin may run at the same time in one process."""

    CALL_DEPTH: int = 4
    """How many plugin calls may be open inside one another."""

    COMPONENT_BYTES: int = 32 * 1024 * 1024
    """Largest component that is taken, in bytes."""

    REQUEST_BODY_BYTES: int = 1024 * 1024
    """Largest request body that a route takes, in bytes."""

    AUTHENTICATOR: str | None = None
    """Dotted path of a function ``(request) -> user | None`` that reads a route's ``Authorization`` header; a request
    that it finds a user for needs no CSRF token. ``None`` means that only sessions count."""

    RESPONSE_BODY_BYTES: int = 2 * 1024 * 1024
    """Largest answer of a route that is passed on, in bytes."""

    FRAGMENT_BYTES: int = 64 * 1024
    """Largest fragment of HTML that a plugin may answer to ``{% plugin_slot %}``, in bytes."""

    HTTP_TIMEOUT_MS: int = 5_000
    """Longest that one request of a plugin to another host may take in all, in milliseconds."""

    HTTP_CONNECT_TIMEOUT_MS: int = 2_000
    """Longest that finding the host's addresses may take, and again connecting to one of them, in milliseconds."""

    HTTP_PRIVATE_NETWORKS: Sequence[str] = ()
    """Networks, as CIDR, that are not public and that plugins with ``private`` in their grant may send requests to."""
    SECRET_KEYS: Sequence[str] = ()
    """What keys for secrets of plugins are derived from: the first encrypts, all decrypt. Empty means ``SECRET_KEY``
    and ``SECRET_KEY_FALLBACKS``."""

    QUEUE: str = "default"
    """RQ queue of tasks that name none themselves."""

    BREAKER_FAILURES: int = 5
    """After how many failures in a row, within the window, a version falls asleep."""

    BREAKER_WINDOW_S: int = 30
    """How far back failures count, in seconds; of at least 20 calls in it, half may fail."""

    BREAKER_SLEEP_S: int = 30
    """How long a version sleeps the first time, in seconds; each time in a row doubles it."""

    BREAKER_LONGEST_SLEEP_S: int = 600
    """How long a version sleeps at most, in seconds."""

    SAFE_MODE: bool = False
    """Whether no plugin is loaded, compiled, synced or called; an environment variable of the same name wins."""

    TWO_PERSONS: bool = False
    """Whether somebody else than whoever uploaded a version has to approve, enable, grant, raise limits and release."""

    AUDIT_HOOKS: bool = False
    """Whether calls of hooks get audit entries, too, as those of routes and tasks do."""

    AUDIT_RETENTION_DAYS: int = 365
    """How long audit entries are kept, in days."""

    RUN_RETENTION_DAYS: int = 90
    """How long task runs that have ended are kept, and calls that are kept, in days."""
    LEASE_S: int = 30
    """How long a worker holds a run without a sign of life before others may perform it, in seconds."""

    PENDING_RUNS: int = 1_000
    """How many runs of one plugin may wait for a worker."""

    SCHEDULE_TIME_ZONE: str | None = None
    """Time zone that schedules of tasks are about, such as ``"Europe/Madrid"``; ``None`` means ``TIME_ZONE``."""

    SCHEDULE_INTERVAL_S: int = 60
    """How much time must at least lie between two due times of one schedule, in seconds."""

    SCHEDULE_MISSED: str = "latest"
    """Which due times are made up for that passed while no scheduler ran: ``"latest"`` runs once for the latest and
    counts the others as missed, ``"all"`` runs once for each."""
    KEPT_CALLS: int = 0
    """How many calls of hooks and routes of each plugin are kept with their log, for authors who develop against this
    server; 0 keeps none. Runs of tasks are always kept."""

    API_TOKEN_DAYS: int = 30
    """How long a token of the HTTP API is good if nobody says otherwise, in days."""

    API_TOKEN_MAX_DAYS: int = 365
    """How long a token of the HTTP API may be good, in days; it holds for those that exist, too."""

    API_UPLOADS_PER_MINUTE: int = 30
    """How many components one user may upload through the HTTP API in a minute."""

    API_CONCURRENT_UPLOADS: int = 2
    """How many uploads through the HTTP API one process takes at once, one of each user; each is held in memory."""

    def __getattribute__(self, name: str) -> Any:
        if not name.isupper():
            return super().__getattribute__(name)
        default = getattr(type(self), name)  # an unknown name is a defect, so it raises
        return getattr(project, PREFIX + name, default)


conf: Final = Settings()


def is_safe_mode() -> bool:
    """Tell whether plugins are off altogether: by the environment variable if it is there, else by the setting."""
    said = os.environ.get(PREFIX + "SAFE_MODE")
    return bool(conf.SAFE_MODE) if said is None else said.strip().lower() not in ("", "0", "false", "no", "off")


def setting_names() -> tuple[str, ...]:
    """List the names of all settings, without the prefix."""
    return tuple(name for name in Settings.__annotations__ if name.isupper())
