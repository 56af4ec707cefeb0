"""From storage to records: looks at what was uploaded, fetches what changed, and records the verdict on it."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connections, router
from django.db.models import Q
from django.db.models.functions import Now

from . import components, storage
from .audit import record_act
from .conf import conf, is_safe_mode
from .exceptions import ArtifactError, PluginError
from .looking import Look, check_size, find_stored, plan_to_remove, plugin_of, remember
from .models import PluginVersion, StoredObject, SyncState
from .readiness import last_look
from .recording import Recorded, record
from .runtime.compiler import digest_of
from .runtime.verification import Verified
from .storage import StoredItem
from .sync_report import Outcome, Plan, SyncReport
from .verification import Progress, host_mark, no_progress, verify_bytes

__all__ = ["Outcome", "SyncReport", "preview", "record_upload", "sync", "sync_if_due", "take_upload"]

logger = logging.getLogger(__name__)


def sync(
    progress: Progress | None = None,
    *,
    again: bool = False,
    is_asked_for: bool = False,
    by: AbstractBaseUser | None = None,
) -> SyncReport:
    """Make the records follow the storage.

    Safe in many processes at once. One bad object never stops another, and what is wrong with it is on its row. Blocks
    for one list request where nothing changed, and for as long as fetching and compiling takes where something did.

    Args:
        progress: Told of what may take seconds.
        again: Verify once more what was refused.
        is_asked_for: Whether somebody wanted it now, and it is to be written down even if nothing changed.
        by: Who did.

    Raises:
        ArtifactError: The storage cannot be listed; the records stay as they are.
        SafeModeOn: Safe mode is on.
    """
    components.refuse_in_safe_mode()
    look = Look(host_mark(), again, progress or no_progress)
    found = find_stored()
    outcomes = [look.at(item, row) for item, row in found.items]
    StoredObject.objects.filter(pk__in=[row.pk for row in found.gone]).delete()
    outcomes += [Outcome(key=row.key, result="removed", plugin=plugin_of(row)) for row in found.gone]
    SyncState.objects.update_or_create(pk=1, defaults={"last_finished_at": Now()})
    report = SyncReport(tuple(outcomes))
    if is_asked_for or report.changed or report.removed:
        counts = {name: getattr(report, name) for name in ("found", "changed", "refused", "removed")}
        record_act(by, "sync", None, details=counts)
    return report


def preview(*, again: bool = False) -> tuple[Plan, ...]:
    """Say what ``sync`` would do with each object, and do nothing of it; blocks for one list request.

    What it would fetch it has not fetched, so what would come of that nobody knows before.

    Args:
        again: Whether it would verify once more what was refused.

    Raises:
        ArtifactError: The storage cannot be listed.
        SafeModeOn: Safe mode is on.
    """
    components.refuse_in_safe_mode()
    look, found = Look(host_mark(), again, no_progress), find_stored()
    return (*(look.plan(item, row) for item, row in found.items), *(plan_to_remove(row) for row in found.gone))


def sync_if_due() -> SyncReport | None:
    """Sync if the interval is over and no other process of the fleet takes it; never inside a transaction.

    Returns:
        What was found, or ``None`` when this process did not look, or could not.
    """
    if conf.SYNC_INTERVAL_S <= 0 or is_safe_mode() or connections[router.db_for_write(SyncState)].in_atomic_block:
        return None
    return look() if _claim_interval() else None


def look() -> SyncReport | None:
    """Sync now, and note for the readiness of this process whether storage answered.

    Returns:
        What was found, or ``None`` when storage did not answer; the records stay as they are then.
    """
    try:
        report = sync()
    except ArtifactError as error:
        logger.warning("plugins stay as they are: %s", error)
        last_look.problem = f"storage does not answer: {error.message}"
        return None
    last_look.problem = ""
    return report


def record_upload(
    data: bytes,
    *,
    name: str | None = None,
    by: AbstractBaseUser | None = None,
    progress: Progress | None = None,
) -> PluginVersion:
    """Do what ``take_upload`` does, and return the version alone."""
    return take_upload(data, name=name, by=by, progress=progress).version


def take_upload(
    data: bytes,
    *,
    name: str | None = None,
    by: AbstractBaseUser | None = None,
    may_switch: bool = True,
    progress: Progress | None = None,
) -> Recorded:
    """Verify a component, put it where uploads arrive, and record it; one that is refused changes nothing anywhere.

    Args:
        data: The component.
        name: The plugin that it has to be, or ``None`` to take the name from its manifest.
        by: Who uploads it, for the log.
        may_switch: Whether it may replace the current version by itself where the project lets versions do so.
        progress: Told of what may take seconds.

    Raises:
        ArtifactError: It is too large, or the storage does not take it.
        PluginError: It is no plugin that this host can run.
    """
    verified = _verified_upload(data, name, by, progress or no_progress)
    name = verified.manifest.name
    # Recorded first: a sync that found the object earlier would not know who brought it, and might let it go live.
    recorded = record(name, data, verified=verified, by=by, may_switch=may_switch)
    item = storage.put_upload(name, data)
    remember(item, item.fingerprint, recorded.version)
    logger.info(
        "plugin %s version %s uploaded by %s%s",
        name,
        recorded.version.number,
        "the system" if by is None else by.get_username(),
        "" if recorded.is_new else ", recorded before",
    )
    return recorded


def _verified_upload(data: bytes, name: str | None, by: AbstractBaseUser | None, progress: Progress) -> Verified:
    """Verify an upload; one that is refused is written down, too."""
    try:
        check_size(StoredItem("", len(data), ""))
        return verify_bytes(data, name=name, progress=progress)
    except PluginError as refusal:
        record_act(by, "upload", name, subject=digest_of(data), outcome=refusal.code)
        raise


def _claim_interval() -> bool:
    """Take the interval for this process: of many that ask at once, the database lets one through."""
    SyncState.objects.get_or_create(pk=1)
    over = Q(last_started_at=None) | Q(last_started_at__lte=Now() - timedelta(seconds=conf.SYNC_INTERVAL_S))
    return SyncState.objects.filter(over, pk=1).update(last_started_at=Now()) == 1
