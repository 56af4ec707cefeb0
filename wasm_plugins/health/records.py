"""What the fleet knows of a version's health; a change is written outside the transaction of the call it is about."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import IntegrityError, OperationalError, connections, router, transaction
from django.utils import timezone

from ..conf import conf
from ..models import VersionHealth
from ..outbox import outbox
from ..registry import mark_changed
from ..snapshot import ActivePlugin

_PATIENCE_S: Final = 1.0
_ERROR_CHARS: Final = 2_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Fallen:
    """A version that is to sleep, with why."""

    plugin: str
    version_id: int
    is_probe: bool
    code: str
    text: str


def sleep_s(times: int) -> int:
    """Return how long a version sleeps that falls asleep for the so-manieth time in a row, in seconds."""
    return int(min(conf.BREAKER_LONGEST_SLEEP_S, conf.BREAKER_SLEEP_S * 2 ** min(times - 1, 30)))


def fall_asleep(plugin: ActivePlugin, error: Exception, *, is_probe: bool) -> None:
    """Let every process know that a version sleeps; returns at once where the caller has a transaction open."""
    if not plugin.is_recorded:
        return  # a test's own, which no other process knows
    code = str(getattr(error, "code", "plugin-error"))
    text = str(error).replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()[:_ERROR_CHARS]
    outbox.put_now(_write_fallen, _Fallen(plugin.name, plugin.version_id, is_probe, code, text))


def wake(plugin: ActivePlugin) -> None:
    """Let every process know that a version is well; returns at once where the caller has a transaction open."""
    if not plugin.is_recorded:
        return
    outbox.put_now(_write_awake, plugin.version_id)


def claim_probe(plugin: ActivePlugin, lease_until: datetime) -> bool:
    """Ask for the right to try a version that sleeps: of all processes that ask, the database gives it to one.

    Outside a transaction this is one statement. Inside one it is made on another connection, or the row would stay
    locked for as long as the caller goes on; SQLite, which lets nobody else write meanwhile, has no other way. Where
    that takes too long for the caller, the right is given back when it comes: nobody else would try the version then.
    """
    if not plugin.is_recorded:
        return True
    claim = partial(_claim, plugin.version_id, lease_until)
    connection = connections[router.db_for_write(VersionHealth)]
    if connection.vendor == "sqlite" and connection.in_atomic_block:
        try:
            return claim()
        except OperationalError:
            return False  # somebody else writes
    give_back = partial(_give_back, plugin.version_id, lease_until)
    return outbox.ask(claim, timeout_s=_PATIENCE_S, undo=give_back) or False


def _claim(version_id: int, lease_until: datetime) -> bool:
    with transaction.atomic(using=router.db_for_write(VersionHealth)):
        due = VersionHealth.objects.filter(version_id=version_id, open_until__lte=timezone.now())
        return due.update(open_until=lease_until) == 1


def _give_back(version_id: int, lease_until: datetime, is_ours: bool) -> None:
    """Let the next caller try the version at once."""
    if is_ours:
        with transaction.atomic(using=router.db_for_write(VersionHealth)):
            claimed = VersionHealth.objects.filter(version_id=version_id, open_until=lease_until)
            claimed.update(open_until=timezone.now())


def _write_fallen(fallen: Iterable[_Fallen]) -> None:
    for each in fallen:
        try:
            with transaction.atomic(using=router.db_for_write(VersionHealth)):
                _put_to_sleep(each)
        except IntegrityError:
            logger.info("plugin %s: the version that failed is not there any more", each.plugin)


def _put_to_sleep(each: _Fallen) -> None:
    VersionHealth.objects.get_or_create(version_id=each.version_id)
    health = VersionHealth.objects.select_for_update().get(version_id=each.version_id)
    now, times = timezone.now(), health.times_opened + 1
    if health.open_until is not None and health.open_until > now and not each.is_probe:
        return  # another process was first
    health.opened_at = health.opened_at or now
    health.open_until, health.times_opened = now + timedelta(seconds=sleep_s(times)), times
    health.last_error_code, health.last_error = each.code, each.text
    health.save()
    mark_changed(only_sleeps=True)
    logger.warning("plugin %s sleeps for %d s: %s", each.plugin, sleep_s(times), each.text)


def _write_awake(version_ids: Iterable[int]) -> None:
    with transaction.atomic(using=router.db_for_write(VersionHealth)):
        asleep = VersionHealth.objects.filter(version_id__in=set(version_ids), open_until__isnull=False)
        if asleep.update(opened_at=None, open_until=None, times_opened=0, changed_at=timezone.now()):
            mark_changed(only_sleeps=True)
