"""What a plugin's current version declares, plus what an admin tuned; tuning survives a new version."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..cron import SCHEDULE_CHARS
from ..manifest import NAME_CHARS, PATH_CHARS
from .plugin import Plugin


class Declared(models.Model):
    """The part that hooks, routes and tasks share."""

    plugin = models.ForeignKey(Plugin, verbose_name=_("plugin"), on_delete=models.CASCADE, related_name="%(class)ss")
    is_declared = models.BooleanField(_("declared"), default=True, editable=False)
    """Whether the current version declares it; a row that it no longer declares keeps what was tuned."""
    is_enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        abstract = True


class Hook(Declared):
    """A point of the project that a plugin answers."""

    name = models.CharField(_("name"), max_length=NAME_CHARS)
    declared_priority = models.IntegerField(_("declared priority"), default=100, editable=False)
    priority = models.IntegerField(
        _("priority"),
        null=True,
        blank=True,
        help_text=_("Smaller answers first. Empty: as the plugin declares."),
    )

    class Meta:
        verbose_name = _("hook")
        verbose_name_plural = _("hooks")
        ordering: ClassVar = ["plugin", "name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["plugin", "name"], name="wasm_plugins_hook_name")]

    def __str__(self) -> str:
        return f"{self.plugin.name}: {self.name}"


class Route(Declared):
    """A path that a plugin serves."""

    path = models.CharField(_("path"), max_length=PATH_CHARS, unique=True)
    handler = models.CharField(_("handler"), max_length=NAME_CHARS, editable=False)
    process_as_task = models.BooleanField(_("processed as a task"), default=False, editable=False)
    methods = models.JSONField(_("methods"), default=list, editable=False)
    declared_access = models.CharField(_("declared access"), max_length=150, editable=False)
    access = models.CharField(
        _("access"),
        max_length=150,
        blank=True,
        help_text=_("public, authenticated, staff, or a permission such as shop.view_order. Empty: as declared."),
    )

    class Meta:
        verbose_name = _("route")
        verbose_name_plural = _("routes")
        ordering: ClassVar = ["path"]

    def __str__(self) -> str:
        return self.path


class Task(Declared):
    """A deferred function of a plugin."""

    class Missed(models.TextChoices):
        """Why a due time passed without a run."""

        LATE = "late", _("no scheduler ran")
        PLUGIN_OFF = "plugin-off", _("the plugin was off")
        ASLEEP = "asleep", _("the plugin was asleep")
        SAFE_MODE = "safe-mode", _("safe mode was on")

    name = models.CharField(_("name"), max_length=NAME_CHARS)
    declared = models.JSONField(_("as declared"), default=dict, editable=False)
    """Queue, timeout, retries and schedule as the plugin declares them."""
    queue = models.CharField(_("queue"), max_length=64, blank=True, help_text=_("Empty: as the plugin declares."))
    timeout_s = models.PositiveIntegerField(
        _("timeout in seconds"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(86_400)],
    )
    max_retries = models.PositiveSmallIntegerField(
        _("retries"), null=True, blank=True, validators=[MaxValueValidator(20)]
    )
    schedule = models.CharField(
        _("schedule"),
        max_length=SCHEDULE_CHARS,
        blank=True,
        default="",
        db_default="",
        help_text=_("Minute, hour, day of month, month, day of week; or “off”. Empty: as the plugin declares."),
    )
    scheduled_as = models.CharField(max_length=200, blank=True, default="", db_default="", editable=False)
    """The expression and time zone that ``scheduled_until`` is about; empty while it is not scheduled."""
    scheduled_until = models.DateTimeField(_("scheduled until"), null=True, blank=True, editable=False)
    """Due times up to this one have been dealt with. Whoever moves it on deals with what lies between."""
    missed_runs = models.PositiveIntegerField(_("missed runs"), default=0, db_default=0, editable=False)
    """Due times that passed without a run, ever since the task was first scheduled."""
    missed_at = models.DateTimeField(_("last missed"), null=True, blank=True, editable=False)
    missed_because = models.CharField(
        _("missed because"),
        max_length=16,
        choices=Missed.choices,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        ordering: ClassVar = ["plugin", "name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["plugin", "name"], name="wasm_plugins_task_name")]

    def __str__(self) -> str:
        return f"{self.plugin.name}: {self.name}"


class Schedule(Task):
    """The same rows where they are looked at as schedules."""

    class Meta:
        proxy = True
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        ordering: ClassVar = ["plugin__name", "name"]
