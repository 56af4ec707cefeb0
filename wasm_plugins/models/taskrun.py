"""One run of a task: asked for, queued, run, and kept with its outcome."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..manifest import NAME_CHARS
from .plugin import Plugin, PluginVersion


class TaskRun(models.Model):
    """One run. The row is written before any queue hears of it, and its id is the job's id."""

    class Status(models.TextChoices):
        """Where a run stands."""

        PENDING = "pending", _("pending")
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        FINISHED = "finished", _("finished")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    ENDED: ClassVar = (Status.FINISHED, Status.FAILED, Status.CANCELLED)
    """What is never left again."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plugin = models.ForeignKey(Plugin, verbose_name=_("plugin"), on_delete=models.CASCADE, related_name="runs")
    version = models.ForeignKey(
        PluginVersion,
        verbose_name=_("version"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    """The version that ran last, known once it has run."""
    handler = models.CharField(_("task"), max_length=NAME_CHARS)
    """The exported function: a task's name, or the handler of a route processed as a task."""
    route = models.CharField(_("route"), max_length=255, blank=True)
    """The path it was asked through, or empty."""
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("asked by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    retry_of = models.OneToOneField(
        "self", verbose_name=_("retry of"), on_delete=models.SET_NULL, null=True, blank=True, related_name="retry"
    )
    """The run that ended without its effect and was asked for again by this one; the database lets one do that."""
    retried_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("retried by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    """Who asked again. It runs for whom the first one ran."""
    first_id = models.UUIDField(_("first run"), null=True, blank=True, editable=False)
    """Of a retry, the run that its chain began with, even when that is long deleted: all have its idempotency key."""
    input = models.TextField(_("input"))
    """The JSON text that the plugin gets."""
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.PENDING)
    queue = models.CharField(_("queue"), max_length=64)
    timeout_s = models.PositiveIntegerField(_("timeout in seconds"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    """How often it was begun. Also the number by which an attempt proves that the run is still its own."""
    spared = models.PositiveSmallIntegerField(_("attempts that cost no retry"), default=0, db_default=0)
    """Those that a lost worker, or one that could not load the plugin, is to blame for."""
    waited = models.PositiveSmallIntegerField(_("attempts that found the plugin unavailable"), default=0, db_default=0)
    """Those in which the plugin took no calls, so that nothing was tried. They cost nothing either."""
    max_retries = models.PositiveSmallIntegerField(_("retries"), default=0)
    due_at = models.DateTimeField(_("due"), default=timezone.now)
    """Not before this moment."""
    scheduled_for = models.DateTimeField(_("scheduled for"), null=True, blank=True, editable=False)
    """The due time of its task's schedule that it is the one run of; null for a run that somebody asked for."""
    progress_percent = models.PositiveSmallIntegerField(_("progress in percent"), null=True, blank=True)
    progress_message = models.CharField(_("progress"), max_length=255, blank=True)
    result = models.TextField(_("result"), blank=True)
    error_code = models.CharField(_("error code"), max_length=64, blank=True)
    error = models.TextField(_("error"), blank=True)
    log = models.TextField(_("log"), blank=True)
    used = models.JSONField(_("used"), default=dict, db_default={}, blank=True)
    """What the last attempt spent of its limits: ``[used, limit]`` by name of the limit."""
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    heartbeat_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    lease_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    """Until when the attempt that runs holds the run, by the database's clock; then it is anybody's."""
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("task run")
        verbose_name_plural = _("task runs")
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["plugin", "handler", "scheduled_for"],
                condition=models.Q(scheduled_for__isnull=False),
                name="wasm_plugins_run_once_due",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["status", "due_at"], name="wasm_plugins_run_due"),
            models.Index(fields=["created_at", "id"], name="wasm_plugins_run_asked"),
            models.Index(fields=["plugin", "created_at"], name="wasm_plugins_run_of"),
        ]

    def __str__(self) -> str:
        return f"{self.plugin.name}: {self.handler} ({self.status})"

    @property
    def is_over(self) -> bool:
        """Whether nothing happens to it any more."""
        return self.status in self.ENDED
