"""From storage to records: looks at what was uploaded, fetches what changed, and records the verdict on it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import InterfaceError, OperationalError, connections, router
from django.db.models import Q
from django.db.models.functions import Now

from . import components, storage
from .audit import record_act
from .conf import conf, is_safe_mode
from .exceptions import ArtifactError, ManifestError, PluginError
from .manifest_reader import check_name
from .models import PluginVersion, StoredObject, SyncState
from .readiness import last_look
from .recording import Recorded, record, text_of
from .runtime.compiler import digest_of
from .runtime.verification import Verified
from .storage import StoredItem
from .sync_report import Outcome, SyncReport
from .verification import Progress, host_mark, no_progress, verify_bytes

__all__ = ["Outcome", "SyncReport", "record_upload", "sync", "sync_if_due", "take_upload"]

_KEY_CHARS: Final = 1_024
_LOOK_AGAIN: Final = ""
"""The fingerprint of an object that could not be looked at: no listing ever says that, so the next sync tries again."""

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
    known = {row.key: row for row in StoredObject.objects.select_related("version__plugin")}
    look = _Look(host_mark(), again, progress or no_progress)
    with last_look.listing():
        items = list(storage.list_uploads())
    outcomes = [look.at(item, known.pop(_key(item), None)) for item in items]
    gone = StoredObject.objects.filter(pk__in=[row.pk for row in known.values()])
    gone.delete()
    outcomes += [Outcome(key=key, result="removed", plugin=_plugin_of(row)) for key, row in known.items()]
    SyncState.objects.update_or_create(pk=1, defaults={"last_finished_at": Now()})
    report = SyncReport(tuple(outcomes))
    if is_asked_for or report.changed or report.removed:
        counts = {name: getattr(report, name) for name in ("found", "changed", "refused", "removed")}
        record_act(by, "sync", None, details=counts)
    return report


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
    progress: Progress | None = None,
) -> Recorded:
    """Verify a component, put it where uploads arrive, and record it; one that is refused changes nothing anywhere.

    Args:
        data: The component.
        name: The plugin that it has to be, or ``None`` to take the name from its manifest.
        by: Who uploads it, for the log.
        progress: Told of what may take seconds.

    Raises:
        ArtifactError: It is too large, or the storage does not take it.
        PluginError: It is no plugin that this host can run.
    """
    verified = _verified_upload(data, name, by, progress or no_progress)
    name = verified.manifest.name
    # Recorded first: a sync that found the object earlier would not know who brought it, and might let it go live.
    recorded = record(name, data, verified=verified, by=by)
    item = storage.put_upload(name, data)
    _remember(item, item.fingerprint, recorded.version)
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
        _check_size(StoredItem("", len(data), ""))
        return verify_bytes(data, name=name, progress=progress)
    except PluginError as refusal:
        record_act(by, "upload", name, subject=digest_of(data), outcome=refusal.code)
        raise


def _claim_interval() -> bool:
    """Take the interval for this process: of many that ask at once, the database lets one through."""
    SyncState.objects.get_or_create(pk=1)
    over = Q(last_started_at=None) | Q(last_started_at__lte=Now() - timedelta(seconds=conf.SYNC_INTERVAL_S))
    return SyncState.objects.filter(over, pk=1).update(last_started_at=Now()) == 1


@dataclass(frozen=True, slots=True)
class _Look:
    """One sync's way of looking at objects."""

    mark: str
    """What a refusal depends on: it is remembered with the fingerprint, so that a refusal is for one host only."""
    again: bool
    progress: Progress

    def at(self, item: StoredItem, row: StoredObject | None) -> Outcome:
        """Look at one object, and at its content if that is needed."""
        if row is not None and self._is_known(item, row):
            version = row.version
            code = "" if version is None else version.error_code
            problem = row.problem or ("" if version is None else version.problem)
            number = None if version is None else version.number
            return Outcome(
                key=row.key, result="unchanged", plugin=_plugin_of(row), version=number, code=code, problem=problem
            )
        try:
            name = _name_in(item.key)
            _check_size(item)
        except PluginError as error:
            return self._set_aside(item, error, self._marked(item))
        try:
            return self._at_content(name, item, row)
        except (OperationalError, InterfaceError):
            raise  # the database is away, for all objects
        except Exception as error:
            if not isinstance(error, ArtifactError):
                logger.exception("cannot look at %s", item.key)
            return self._set_aside(item, error, _LOOK_AGAIN, None if row is None else row.version)

    def _is_known(self, item: StoredItem, row: StoredObject) -> bool:
        version = row.version
        if row.fingerprint == item.fingerprint:
            return version is not None and version.state == PluginVersion.State.VERIFIED
        return row.fingerprint == self._marked(item) and not self.again and (version is not None or row.problem != "")

    def _marked(self, item: StoredItem) -> str:
        return f"{item.fingerprint} {self.mark}"

    def _at_content(self, name: str, item: StoredItem, row: StoredObject | None) -> Outcome:
        data = storage.read(item.key, conf.COMPONENT_BYTES)
        recorded = record(
            name,
            data,
            again=self.again,
            host_changed=row is not None and row.fingerprint.partition(" ")[0] == item.fingerprint,
            progress=self.progress,
        )
        version = recorded.version
        is_verified = version.state == PluginVersion.State.VERIFIED
        _remember(item, item.fingerprint if is_verified else self._marked(item), version)
        return _outcome(item, name, recorded)

    def _set_aside(
        self, item: StoredItem, error: Exception, fingerprint: str, version: PluginVersion | None = None
    ) -> Outcome:
        """Note what is wrong with an object that cannot even be a version; its plugin stays as it is."""
        problem = text_of(error)
        _remember(item, fingerprint, version, problem)
        code = getattr(error, "code", "internal-error")
        return Outcome(key=_key(item), result="problem", code=code, problem=problem)


def _outcome(item: StoredItem, name: str, recorded: Recorded) -> Outcome:
    version = recorded.version
    return Outcome(
        key=item.key,
        result="verified" if version.state == PluginVersion.State.VERIFIED else "refused",
        plugin=name,
        version=version.number,
        code=version.error_code,
        problem=version.problem,
        is_switched=recorded.is_switched,
    )


def _name_in(key: str) -> str:
    """Return the plugin's name in the key of an object.

    Raises:
        ManifestError: It is not ``plugins/<name>.wasm``.
    """
    name = key.removeprefix(storage.UPLOADS)
    if not name.endswith(storage.SUFFIX):
        raise ManifestError(
            f"is no plugin: an upload is {storage.UPLOADS}<name>{storage.SUFFIX}", field=repr(key)[:200]
        )
    return check_name(name.removesuffix(storage.SUFFIX), repr(key)[:200])


def _check_size(item: StoredItem) -> None:
    """Refuse what a listing says is too large.

    Raises:
        ArtifactError: It is.
    """
    if item.size_bytes > conf.COMPONENT_BYTES:
        raise ArtifactError(f"{item.size_bytes} bytes; the limit component_bytes is {conf.COMPONENT_BYTES}")


def _remember(item: StoredItem, fingerprint: str, version: PluginVersion | None, problem: str = "") -> None:
    StoredObject.objects.update_or_create(
        key=_key(item),
        defaults={
            "fingerprint": fingerprint,
            "size_bytes": item.size_bytes,
            "version": version,
            "problem": problem,
        },
    )


def _key(item: StoredItem) -> str:
    """Return the key as the database can hold it; what had to be escaped is no plugin's key anyway."""
    return item.key.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()[:_KEY_CHARS]


def _plugin_of(row: StoredObject) -> str | None:
    return None if row.version is None else row.version.plugin.name
