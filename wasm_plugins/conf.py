"""The settings of this app, read when used, each ``WASM_PLUGINS_<NAME>`` in the project's settings."""

from __future__ import annotations

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

    UPGRADES: str = "approve"
    """When a new version of an enabled plugin goes live: ``"approve"`` waits for an admin, ``"same-capabilities"`` lets
    it go live by itself unless it asks for more."""

    SYNC_INTERVAL_S: int = 60
    """How often the fleet looks into storage by itself, in seconds; 0 means only when told to."""

    DATABASES: Mapping[str, str] = {"default": "default", "hasura": "default", "keycloak": "default"}
    """Which Django database alias each database name that plugins use stands for."""

    HOOK_DEADLINE_MS: int = 1_000
    """Wall-clock budget of one plugin's answer to a hook, in milliseconds."""

    ROUTE_DEADLINE_MS: int = 2_000
    """Wall-clock budget of one route call, in milliseconds."""

    TASK_DEADLINE_MS: int = 60_000
    """Wall-clock budget of one run of a task that names none itself, in milliseconds."""

    MANIFEST_DEADLINE_MS: int = 2_000
    """Wall-clock budget of ``get-manifest`` at verification, in milliseconds."""

    MEMORY_BYTES: int = 64 * 1024 * 1024
    """Largest size of each linear memory of a plugin, in bytes."""

    LOG_BYTES: int = 64 * 1024
    """How much one call may write to its log, in bytes."""

    CALL_DEPTH: int = 4
    """How many plugin calls may be open inside one another."""

    COMPONENT_BYTES: int = 32 * 1024 * 1024
    """Largest component that is taken, in bytes."""

    REQUEST_BODY_BYTES: int = 1024 * 1024
    """Largest request body that a route takes, in bytes."""

    RESPONSE_BODY_BYTES: int = 2 * 1024 * 1024
    """Largest answer of a route that is passed on, in bytes."""

    SECRET_KEYS: Sequence[str] = ()
    """What keys for secrets of plugins are derived from: the first encrypts, all decrypt. Empty means ``SECRET_KEY``
    and ``SECRET_KEY_FALLBACKS``."""

    QUEUE: str = "default"
    """RQ queue of tasks that name none themselves."""

    def __getattribute__(self, name: str) -> Any:
        if not name.isupper():
            return super().__getattribute__(name)
        default = getattr(type(self), name)  # an unknown name is a defect, so it raises
        return getattr(project, PREFIX + name, default)


conf: Final = Settings()


def setting_names() -> tuple[str, ...]:
    """List the names of all settings, without the prefix."""
    return tuple(name for name in Settings.__annotations__ if name.isupper())
