"""The last calls of hooks and routes with what the plugin wrote, for authors who develop against this server."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..manifest import NAME_CHARS


class KeptCall(models.Model):
    """One call that is over; written only where ``WASM_PLUGINS_KEPT_CALLS`` says so. Runs of tasks are ``TaskRun``."""

    at = models.DateTimeField(_("at"), default=timezone.now)
    plugin = models.CharField(_("plugin"), max_length=NAME_CHARS)
    version = models.PositiveIntegerField(_("version"))
    export = models.CharField(_("function"), max_length=255)
    outcome = models.CharField(_("outcome"), max_length=64)
    """``ok``, or the code of the error."""
    error = models.TextField(_("error"), blank=True)
    log = models.TextField(_("log"), blank=True)
    elapsed_ms = models.FloatField(_("milliseconds"))

    class Meta:
        verbose_name = _("kept call")
        verbose_name_plural = _("kept calls")
        ordering: ClassVar = ["-at", "-pk"]
        indexes: ClassVar = [models.Index(fields=["plugin", "at"], name="wasm_plugins_kept_plugin")]
        default_permissions: ClassVar = ()

    def __str__(self) -> str:
        return f"{self.plugin} {self.export} {self.outcome}"
