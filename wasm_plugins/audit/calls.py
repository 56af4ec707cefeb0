"""Writes down for whom plugins were called and how it ended: with what the call wrote, or else soon after it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from django.db import IntegrityError, router, transaction

from ..exceptions import PluginError
from ..models import AuditEntry
from ..outbox import outbox
from .entries import new_entry

HOST_ERROR: Final = "host-error"
"""Outcome of a call that ended by something other than the plugin."""

SUPERSEDED: Final = "superseded"
"""Outcome of an attempt of a task whose run was somebody else's by then, so that what it did was undone."""

QUEUED: Final = "queued"
"""Outcome of a call of a route that is processed as a task: the run gets an entry of its own."""


class Superseded(Exception):
    """Somebody found an attempt lost and took its run over, so what it did must be undone."""


class CallRecord:
    """One call while it goes on, and the entry that it becomes."""

    def __init__(self, act: str, user: Any, subject: str) -> None:
        self.outcome = "ok"
        self.has_written = False
        self._act, self._user, self._subject = act, user, subject
        self._plugin, self._digest = "", ""
        self._version: int | None = None
        self._started = time.perf_counter()
        self._is_kept = False
        self._waits_for_call = False

    def takes_over(self, act: str) -> bool:
        """Tell, once, whether a call that begins within this one is what this one is about."""
        if not self._waits_for_call or act != self._act:
            return False
        self._waits_for_call = False
        self._started = time.perf_counter()
        return True

    def wait_for_call(self) -> None:
        """Let the next call of this kind that begins be this one, and leave no entry of its own."""
        self._waits_for_call = True

    def about(self, plugin: str, version: int | None = None, digest: str = "") -> None:
        """Say which plugin is called, once it is known."""
        self._plugin, self._version, self._digest = plugin, version, digest

    def keep_if_written(self) -> None:
        """Add the entry in the call's own transaction if the plugin changed rows: neither is there without the other.

        Raises:
            DatabaseError: It cannot be written, so what the plugin did must not be kept either.
        """
        if self.has_written:
            self._entry().save()
            self._is_kept = True

    def fail(self, error: BaseException) -> None:
        """Note how the call failed; what was added before is undone with the transaction."""
        self._is_kept = False
        if isinstance(error, Superseded):
            self.outcome = SUPERSEDED
        else:
            self.outcome = error.code if isinstance(error, PluginError) else HOST_ERROR

    def finish(self) -> None:
        """Have the entry written, unless it went with the call's transaction."""
        if not self._is_kept:
            outbox.put(_write_entries, self._entry())

    def _entry(self) -> AuditEntry:
        return new_entry(
            act=self._act,
            user=self._user,
            plugin=self._plugin,
            version=self._version,
            digest=self._digest,
            subject=self._subject,
            outcome=self.outcome,
            elapsed_ms=round((time.perf_counter() - self._started) * 1000, 3),
        )


_open: Final[ContextVar[CallRecord | None]] = ContextVar("wasm_plugins_call_record", default=None)


@contextmanager
def attributed(act: str, *, user: Any, subject: str) -> Iterator[CallRecord]:
    """Write down what happens in the block, whatever happens in it.

    Args:
        act: ``route``, ``task`` or ``hook``.
        user: On whose behalf; he is loaded now if he was not.
        subject: The path, or the name of the task or hook.
    """
    outer = _open.get()
    if outer is not None and outer.takes_over(act):
        yield outer
        return
    getattr(user, "pk", None)  # while the database is well: a lazy user would be loaded after whatever goes wrong
    record = CallRecord(act, user, subject)
    token = _open.set(record)
    try:
        yield record
    except BaseException as error:
        record.fail(error)
        raise
    finally:
        _open.reset(token)
        if outer is not None and record.has_written:
            outer.has_written = True
        record.finish()


def note_write() -> None:
    """Remember of the call that is open that a plugin changed rows in it."""
    record = _open.get()
    if record is not None:
        record.has_written = True


def record_soon(**said: Any) -> None:
    """Have an entry written that must outlive the caller's transaction; the arguments are those of ``new_entry``."""
    outbox.put(_write_entries, new_entry(**said))


def _write_entries(entries: list[AuditEntry]) -> None:
    using = router.db_for_write(AuditEntry)
    try:
        with transaction.atomic(using=using):
            AuditEntry.objects.using(using).bulk_create(entries)
    except IntegrityError:
        for entry in entries:
            _write_without_user(entry, using)


def _write_without_user(entry: AuditEntry, using: str) -> None:
    """Write an entry of a user who may have been deleted meanwhile; his name stays."""
    entry.pk, entry._state.adding = None, True
    try:
        with transaction.atomic(using=using):
            entry.save(using=using)
    except IntegrityError:
        entry.pk, entry.user_id, entry._state.adding = None, None, True
        entry.save(using=using)
