"""Who did what to which plugin, and what plugins were called for whom: rows that are only ever added."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..manifest import NAME_CHARS


class AppendOnly(Exception):
    """Somebody tried to change or delete an audit entry. A defect of the code that tried, so it must be changed."""

    def __init__(self) -> None:
        super().__init__("audit entries are only ever added; the scheduler prunes what is older than the retention")


class AuditEntries(models.QuerySet["AuditEntry"]):
    """Entries that can be read and added.

    What stands here keeps code from mistakes, not an attacker who has the database: docs/how-to/audit.md has the grants
    and the trigger for that.
    """

    def update(self, **columns: Any) -> NoReturn:
        """Refuse.

        Raises:
            AppendOnly: Always.
        """
        raise AppendOnly

    def delete(self) -> NoReturn:
        """Refuse.

        Raises:
            AppendOnly: Always.
        """
        raise AppendOnly

    def bulk_create(self, objs: Iterable[AuditEntry], *args: Any, **options: Any) -> list[AuditEntry]:
        """Add many.

        Raises:
            AppendOnly: Rows that are there already would be changed.
        """
        if options.get("update_conflicts"):
            raise AppendOnly
        return super().bulk_create(objs, *args, **options)

    def prune(self, before: datetime, *, most: int) -> int:
        """Delete the oldest entries from before a moment, as the retention wants; the only deletion that there is.

        Args:
            before: Entries from this moment on stay.
            most: How many to delete at once, so that no lock is held for long.

        Returns:
            How many were deleted.
        """
        oldest = list(self.filter(at__lt=before).order_by("at").values_list("pk", flat=True)[:most])
        return models.QuerySet(self.model, using=self.db).filter(pk__in=oldest)._raw_delete(self.db) if oldest else 0


class AuditEntry(models.Model):
    """One act of an admin, or one call of a route or a task.

    Names are kept as text beside the keys, so that an entry outlives the plugin and the user that it speaks of.
    """

    at = models.DateTimeField(_("at"), default=timezone.now, editable=False)
    act = models.CharField(_("act"), max_length=32)
    """What was done: ``route``, ``task``, or an admin's act such as ``enable``."""
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    username = models.CharField(_("user name"), max_length=150, blank=True)
    plugin = models.CharField(_("plugin"), max_length=NAME_CHARS)
    version = models.PositiveIntegerField(_("version"), null=True, blank=True)
    digest = models.CharField(_("SHA-256"), max_length=64, blank=True)
    subject = models.CharField(_("subject"), max_length=255, blank=True)
    """The route's path, the task's name, the capability that was granted, and so on."""
    outcome = models.CharField(_("outcome"), max_length=64)
    """``ok``, or the code of the error."""
    elapsed_ms = models.FloatField(_("milliseconds"), null=True, blank=True)
    details = models.JSONField(_("details"), default=dict, blank=True)
    """What else is to be known, small and without anything that a plugin or a caller wrote."""

    objects = AuditEntries.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering: ClassVar = ["-at", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["at"], name="wasm_plugins_audit_at"),
            models.Index(fields=["plugin", "at"], name="wasm_plugins_audit_plugin"),
        ]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.act} {self.plugin} {self.outcome}"

    def save(self, *args: Any, **options: Any) -> None:
        """Add the entry.

        Raises:
            AppendOnly: It was added before.
        """
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **{**options, "force_insert": True})

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        """Refuse.

        Raises:
            AppendOnly: Always.
        """
        raise AppendOnly
