"""System checks that ask the databases: who the host is there, what roles plugins have, whether a key is trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings as project
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, router
from django.utils.text import capfirst

from .capabilities import DATABASE
from .conf import PREFIX, conf
from .host.sql import roles_apply
from .models import Grant, TrustedKey
from .trust import ENFORCE, HOW_TO_BEGIN, NO_KEY_IS_TRUSTED, load_keys


@register("wasm_plugins", Tags.database)
def check_database_roles(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Check the databases that Django was told to check: with ``migrate``, or ``check --database``."""
    found: list[CheckMessage] = []
    for alias in sorted(set(databases or ()) & set(roles_apply.aliases())):
        found.extend(_check_host(alias))
        found.extend(_check_runners(alias))
    return found


@register("wasm_plugins", Tags.database)
def check_trusted_keys(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Check that signatures are not enforced where nobody's count: then nothing could ever be uploaded."""
    if conf.SIGNATURES != ENFORCE or router.db_for_read(TrustedKey) not in (databases or ()):
        return []
    try:
        keys = load_keys()
    except (DatabaseError, AttributeError):
        return []  # before the first migrate there is no table; what is no dictionary of texts has an error of its own
    if keys.names:
        return []
    return [Warning(f"{capfirst(NO_KEY_IS_TRUSTED)}.", hint=f"{capfirst(HOW_TO_BEGIN)}.", id="wasm_plugins.W070")]


def _check_host(alias: str) -> Iterator[CheckMessage]:
    for power in roles_apply.powers_beyond(alias):
        yield Error(
            f"On database {alias!r} this project is {power}: one hole in the proof of a plugin's SQL would be a way"
            " onto the database's machine.",
            hint="Connect as a role without such powers that owns the project's tables.",
            id="wasm_plugins.E041",
        )


def _check_runners(alias: str) -> Iterator[CheckMessage]:
    if project.DEBUG or conf.DATABASE_RUNNER == "off":
        return
    for name in plugins_without_runner(alias):
        yield Warning(
            f"Plugin {name!r} may use a database, but has no role of its own on {alias!r}.",
            hint=f"Run manage.py plugins database --apply --using {alias}, or set {PREFIX}DATABASE_RUNNER to 'off'.",
            id="wasm_plugins.W040",
        )


def plugins_without_runner(alias: str) -> list[str]:
    """Name the plugins that were granted the database and have no function there."""
    try:
        granted = list(Grant.objects.filter(capability=DATABASE).values_list("plugin__name", flat=True))
        existing = set(roles_apply.runners_on(alias))
    except DatabaseError:
        return []  # before the first migrate there are no tables, and nothing is granted
    return [name for name in sorted(granted) if roles_apply.role_on(alias, name) not in existing]
