"""Counts the processes that died while a version ran: one that ended too many is put into quarantine."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Final

from django.db import router, transaction
from django.utils import timezone

from .. import components
from ..conf import is_safe_mode
from ..exceptions import PluginError
from ..models import PluginVersion, VersionHealth
from ..outbox import outbox
from ..registry import mark_changed
from ..runtime.lifeline import DEATHS, FORGOTTEN_AFTER_S

LOOK_EVERY_S: Final = 5.0
"""How often a process looks whether another one died."""

logger = logging.getLogger(__name__)

_next_look_at = 0.0


def count_deaths() -> None:
    """Look for processes of this machine that died while a plugin ran, unless one looked a moment ago.

    Does its work before this returns where the caller has no transaction open. Never raises.
    """
    global _next_look_at
    if time.monotonic() < _next_look_at or is_safe_mode():
        return
    _next_look_at = time.monotonic() + LOOK_EVERY_S
    outbox.put_now(_look, None)


def _look(_: Iterable[None]) -> None:
    try:
        components.compiled_cache().lifeline.bury(_count)
    except PluginError as error:
        logger.warning("nothing is known of plugins that end processes: %s", error)


def _count(digests: Collection[str]) -> Collection[str]:
    """Count a death for each version that ran, and return the digests of which there is none yet."""
    logger.error("a process died while these ran: %s", ", ".join(digests))
    with transaction.atomic(using=router.db_for_write(VersionHealth)):
        versions = list(PluginVersion.objects.filter(digest__in=digests).select_related("plugin").order_by("pk"))
        for version in versions:
            _count_death(version)
    return set(digests) - {version.digest for version in versions}


def _count_death(version: PluginVersion) -> None:
    VersionHealth.objects.get_or_create(version=version)
    health = VersionHealth.objects.select_for_update().get(version=version)
    now = timezone.now()
    is_fresh = now - health.changed_at < timedelta(seconds=FORGOTTEN_AFTER_S)
    health.deaths = health.deaths + 1 if is_fresh else 1
    if health.deaths >= DEATHS and health.quarantined_at is None:
        health.quarantined_at = now
        logger.error("plugin %s: version %d is in quarantine", version.plugin.name, version.number)
    health.save()
    mark_changed()
