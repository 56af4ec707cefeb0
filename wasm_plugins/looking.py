"""One sync's way of looking at what lies in storage: what is known, what has to be fetched, what cannot be a plugin."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from django.db import InterfaceError, OperationalError

from . import storage
from .conf import conf
from .exceptions import ArtifactError, ManifestError, PluginError
from .manifest_reader import check_name
from .models import PluginVersion, StoredObject
from .readiness import last_look
from .recording import Recorded, record, text_of
from .storage import StoredItem
from .sync_report import Outcome, Plan
from .verification import Progress

_KEY_CHARS: Final = 1_024
_LOOK_AGAIN: Final = ""
"""The fingerprint of an object that could not be looked at: no listing ever says that, so the next sync tries again."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What lies in storage, beside what is recorded of it."""

    items: tuple[tuple[StoredItem, StoredObject | None], ...]
    """Each object with its row, if it has one."""

    gone: tuple[StoredObject, ...]
    """Rows of objects that lie there no more."""


def find_stored() -> Found:
    """List the objects in storage and the rows of those that were there; one list request and one query.

    Raises:
        ArtifactError: The storage cannot be listed.
    """
    known = {row.key: row for row in StoredObject.objects.select_related("version__plugin")}
    with last_look.listing():
        items = list(storage.list_uploads())
    return Found(tuple((item, known.pop(_key(item), None)) for item in items), tuple(known.values()))


@dataclass(frozen=True, slots=True)
class Look:
    """One sync's way of looking at objects."""

    mark: str
    """What a refusal depends on: it is remembered with the fingerprint, so that a refusal is for one host only."""
    again: bool
    progress: Progress

    def plan(self, item: StoredItem, row: StoredObject | None) -> Plan:
        """Say what ``at`` would do with one object; fetches nothing."""
        if row is not None and self._is_known(item, row):
            same = _unchanged(row)
            return Plan(
                key=row.key, act="nothing", size_bytes=item.size_bytes, plugin=same.plugin, problem=same.problem
            )
        try:
            name = _check_listed(item)
        except PluginError as error:
            return Plan(key=_key(item), act="set-aside", size_bytes=item.size_bytes, problem=text_of(error))
        return Plan(key=_key(item), act="fetch", size_bytes=item.size_bytes, plugin=name, is_known=row is not None)

    def at(self, item: StoredItem, row: StoredObject | None) -> Outcome:
        """Look at one object, and at its content if that is needed."""
        if row is not None and self._is_known(item, row):
            return _unchanged(row)
        try:
            name = _check_listed(item)
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
        remember(item, item.fingerprint if is_verified else self._marked(item), version)
        return _outcome(item, name, recorded)

    def _set_aside(
        self, item: StoredItem, error: Exception, fingerprint: str, version: PluginVersion | None = None
    ) -> Outcome:
        """Note what is wrong with an object that cannot even be a version; its plugin stays as it is."""
        problem = text_of(error)
        remember(item, fingerprint, version, problem)
        code = getattr(error, "code", "internal-error")
        return Outcome(key=_key(item), result="problem", code=code, problem=problem)


def _unchanged(row: StoredObject) -> Outcome:
    version = row.version
    return Outcome(
        key=row.key,
        result="unchanged",
        plugin=plugin_of(row),
        version=None if version is None else version.number,
        code="" if version is None else version.error_code,
        problem=row.problem or ("" if version is None else version.problem),
    )


def plan_to_remove(row: StoredObject) -> Plan:
    """Say of the row of an object that is gone that it would go, too; its plugin stays as it is."""
    return Plan(key=row.key, act="remove", size_bytes=row.size_bytes, plugin=plugin_of(row))


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


def _check_listed(item: StoredItem) -> str:
    """Return the name of the plugin that an object would be, by what a listing says of it.

    Raises:
        PluginError: It cannot be one, whatever is in it.
    """
    name = _name_in(item.key)
    check_size(item)
    return name


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


def check_size(item: StoredItem) -> None:
    """Refuse what a listing says is too large.

    Raises:
        ArtifactError: It is.
    """
    if item.size_bytes > conf.COMPONENT_BYTES:
        raise ArtifactError(f"{item.size_bytes} bytes; the limit component_bytes is {conf.COMPONENT_BYTES}")


def remember(item: StoredItem, fingerprint: str, version: PluginVersion | None, problem: str = "") -> None:
    """Write down what one object is now."""
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


def plugin_of(row: StoredObject) -> str | None:
    """Name the plugin that an object is a version of."""
    return None if row.version is None else row.version.plugin.name
