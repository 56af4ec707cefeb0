"""How often plugins were called, hour by hour: what a chart is drawn of without reading the audit trail."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..manifest import NAME_CHARS


class CallCount(models.Model):
    """The calls of one plugin in one hour, by hooks, routes and tasks of all processes together.

    The plugin is named as text, so that a count may arrive after its plugin was deleted.
    """

    hour = models.DateTimeField(_("hour"))
    """When it begins."""
    plugin = models.CharField(_("plugin"), max_length=NAME_CHARS)
    calls = models.PositiveBigIntegerField(_("calls"), default=0, db_default=0)
    failures = models.PositiveBigIntegerField(_("failures"), default=0, db_default=0)
    """Those that count for falling asleep: crashed, over a limit or out of time. An answer ``err`` is none."""

    class Meta:
        verbose_name = _("call count")
        verbose_name_plural = _("call counts")
        ordering: ClassVar = ["-hour", "plugin"]
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["hour", "plugin"], name="wasm_plugins_count_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.plugin} {self.hour:%Y-%m-%d %H}: {self.calls}"
